"""Random statistics, schemas and examples for tfdv.py."""
import math
import random

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

NAMES = ["a", "b", "c", "d.e", "q'", "é", "(x)", "st"]
LABELS = ["a", "b", "c", "true", "false", "1", "0", "TRUE", "", "-7", "2.5", "nan", "inf", "12"]
LABELS += ["x\ny", "é", '"q"', "9" * 19, " 5 ", "it's", "1e5", "+3", "\x01z"]
POOLS = [LABELS, LABELS[:6], ["1", "0"], ["true", "false"], ["12", "-7", "+3", " 5 "], ["a", "b", "c"]]
KINDS = ["INT", "FLOAT", "STRING", "BYTES", "STRUCT", "CATEGORY", "STRING", "INT", "FLOAT"]
STATISTICS_TYPE = {"INT": 0, "CATEGORY": 0, "FLOAT": 1, "STRING": 2, "BYTES": 3, "STRUCT": 4}
SCHEMA_TYPE = {"INT": 2, "CATEGORY": 2, "FLOAT": 3, "STRING": 1, "BYTES": 1, "STRUCT": 4}
ENVIRONMENTS = ["TRAINING", "SERVING"]
DOMAIN_INFO = ["image_domain {}", "mid_domain {}", "natural_language_domain {}", "bool_domain {}"]
DOMAIN_INFO += ['time_domain { string_format: "%Y" }', 'int_domain { min: 3 } name: "x"', "garbage {"]
DOMAINS = ["none"] * 3 + ["named", "named", "string", "bool", "bool", "int", "int", "float", "float"]
DOMAINS += ["struct", "natural_language", "image", "mid", "url", "time", "time_of_day"]


class Maker:
    """Random statistics and schemas that meet often enough to be compared in every way."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.kinds = {}  # of the features that the schema is made for, by path

    def maybe(self, chance=0.5):
        return self.random.random() < chance

    def one(self, *choices):
        return self.random.choice(choices)

    def set_maybe(self, message, chance=0.5, **choices):
        """Makes the message present, and sets each field with this chance to one of its choices."""
        message.SetInParent()
        for field, values in choices.items():
            if self.maybe(chance):
                setattr(message, field, self.random.choice(values))

    def statistics(self, weighted, like=None):
        """Statistics of one dataset, most features of the kinds that `like` has, and their kinds."""
        kinds = {}
        made = statistics_pb2.DatasetFeatureStatisticsList()
        dataset = made.datasets.add(num_examples=self.one(1, 7, 10, 20, 30, 1000, 3000000))
        if self.maybe(0.02):
            dataset.num_examples = 0
        if weighted:
            dataset.weighted_num_examples = dataset.num_examples * 1.5
        for name in NAMES:
            if self.maybe(0.75):
                self.feature_statistics(dataset, (name,), weighted, like or {}, kinds)
        return made, kinds

    def feature_statistics(self, dataset, path, weighted, like, kinds):
        kind = like[path] if path in like and self.maybe(0.8) else self.one(*KINDS)
        if kind == "STRUCT" and len(path) == 3:
            kind = "INT"
        kinds[path] = kind
        feature = dataset.features.add(type=STATISTICS_TYPE[kind])
        feature.path.step.extend(path)
        count = dataset.num_examples
        if kind == "STRUCT":
            common = feature.struct_stats.common_stats
        elif kind in ("INT", "FLOAT"):
            common = feature.num_stats.common_stats
            self.numbers(feature.num_stats, kind, weighted)
        elif kind == "BYTES":
            common = feature.bytes_stats.common_stats
            feature.bytes_stats.max_num_bytes_int = self.random.randint(0, 100)
        else:
            common = feature.string_stats.common_stats
            self.strings(feature.string_stats, kind, count, weighted)
        self.common(common, kind, count, weighted)
        self.custom(feature)
        if kind == "STRUCT":
            for member in ("m", "n") if self.maybe() else ("m",):
                self.feature_statistics(dataset, (*path, member), weighted, like, kinds)

    def common(self, common, kind, count, weighted):
        present = self.one(count, count, count, max(0, count - 1), count // 2, 0)
        common.num_non_missing, common.num_missing = present, count - present
        if present:
            common.min_num_values = self.one(0, 1, 1, 1, 2)
            common.max_num_values = common.min_num_values + self.one(0, 0, 0, 1, 3)
            common.avg_num_values = common.min_num_values + 0.5
            if self.maybe(0.9):
                common.tot_num_values = present * max(1, common.min_num_values)
        if kind != "STRUCT" and self.maybe(0.15):
            for _ in range(self.random.randint(1, 3)):
                least = self.one(0, 1, 2)
                common.presence_and_valency_stats.add(
                    num_non_missing=present,
                    num_missing=self.one(0, 0, 2),
                    min_num_values=least,
                    max_num_values=least + self.one(0, 0, 2),
                )
                if weighted and self.maybe(0.95):
                    missing = self.one(0, 0, 1.5)
                    common.weighted_presence_and_valency_stats.add(num_missing=missing)
        if weighted and self.maybe(0.97):
            common.weighted_common_stats.num_non_missing = present * 1.5
            common.weighted_common_stats.num_missing = (count - present) * 1.5
            common.weighted_common_stats.tot_num_values = present * 1.5

    def numbers(self, numeric, kind, weighted):
        is_float = kind == "FLOAT"
        low = self.one(0, 0, -3, 1, 5, -1e3, 0.5 if is_float else 2)
        high = low + self.one(0, 1, 1, 7, 1e6, 0.25 if is_float else 3)
        ends = (low, high)
        if self.maybe(0.05):
            high = math.inf if is_float else 1e19
        if self.maybe(0.03):
            low = -math.inf if is_float else -1e19
        numeric.min, numeric.max = low, high
        for type_, chance in ((0, 0.9), (1, 0.6)):
            if self.maybe(chance):
                self.histogram(numeric.histograms.add(type=type_), *ends)
        if weighted and self.maybe(0.8):
            self.histogram(numeric.weighted_numeric_stats.histograms.add(), *ends)

    def histogram(self, histogram, low, high):
        inner = [low + (high - low) * self.one(self.random.random(), self.random.randint(0, 8) / 8)
                 for _ in range(self.random.randint(1, 4))]
        marks = sorted({low, high, *inner})

        def bucket(low_value, high_value, sample_count):
            histogram.buckets.add(
                low_value=low_value, high_value=high_value, sample_count=sample_count
            )

        if self.maybe(0.15):
            bucket(-math.inf, self.one(low, -math.inf), self.random.randint(0, 5))
        if len(marks) == 1:
            bucket(low, low, 10)
        for left, right in zip(marks, marks[1:]):
            if self.maybe(0.15):
                bucket(left, left, self.random.randint(0, 9))
            bucket(left, right, self.one(0, self.random.randint(0, 20), self.random.uniform(0, 20)))
        if self.maybe(0.15):
            bucket(high, math.inf, self.random.randint(0, 5))
        if self.maybe(0.2):
            histogram.num_nan = self.random.randint(1, 5)

    def strings(self, strings, kind, count, weighted):
        pool = self.one(*POOLS) if kind == "STRING" else ["1", "0", "12", "-7"]
        labels = self.random.sample(pool, self.random.randint(0, len(pool)))
        strings.unique = len(labels)
        for rank, label in enumerate(labels):
            often = self.random.randint(1, max(2, count // 3))
            place = {"low_rank": rank, "high_rank": rank, "label": label}
            strings.rank_histogram.buckets.add(**place, sample_count=often)
            if weighted:
                ranks = strings.weighted_string_stats.rank_histogram
                ranks.buckets.add(**place, sample_count=often * 1.25)
        if self.maybe(0.05):
            strings.invalid_utf8_count = 3

    def custom(self, feature):
        if self.maybe(0.06):
            feature.custom_stats.add(name="domain_info", str=self.one(*DOMAIN_INFO))
        if self.maybe(0.05):
            formats = feature.custom_stats.add(name="image_format_histogram").rank_histogram
            for label in ("jpeg", "UNKNOWN"):
                formats.buckets.add(label=label, sample_count=self.random.randint(1, 9))
        if self.maybe(0.03):
            feature.validation_derived_source.deriver_name = "x"

    def schema(self, kinds):
        self.kinds = kinds
        made = schema_pb2.Schema()
        for name in NAMES:
            if self.maybe(0.75):
                self.feature(made.feature.add(), (name,))
        for name in ("d1", "d2"):
            values = self.random.sample(LABELS, self.random.randint(0, 5))
            made.string_domain.add(name=name, value=values)
        made.default_environment.extend(self.one([], ENVIRONMENTS, ENVIRONMENTS, ["TRAINING"]))
        for composed in (made.sparse_feature, made.weighted_feature):
            if self.maybe(0.08):
                composed.add(name=self.one(*NAMES))
        if self.maybe(0.4):
            limits = made.dataset_constraints
            self.set_maybe(limits, min_examples_count=[1, 50], max_examples_count=[1, 50])
            ratios = [0.5, 1, 2]
            for name in ("num_examples_drift_comparator", "num_examples_version_comparator"):
                if self.maybe():
                    self.set_maybe(
                        getattr(limits, name),
                        min_fraction_threshold=ratios,
                        max_fraction_threshold=ratios,
                    )
        return made

    def feature(self, feature, path):
        kind = self.kinds.get(path)
        if self.maybe(0.98):
            feature.name = path[-1]
        if self.maybe(0.97):
            expected = SCHEMA_TYPE.get(kind, 2)
            feature.type = expected if self.maybe(0.85) else self.one(0, 1, 2, 3, 4)
        self.valency(feature)
        if self.maybe(0.6):
            fractions = [0, 0.5, 0.9, 1, 1, 1.5, -1, 0.3333]
            self.set_maybe(feature.presence, 0.7, min_count=[0, 1, 5, 50], min_fraction=fractions)
        elif self.maybe(0.05):
            feature.group_presence.required = True
        self.domain(feature, path, kind)
        if self.maybe(0.15):
            mass = [0, 0.5, 0.9, 1]
            self.set_maybe(feature.distribution_constraints, 0.8, min_domain_mass=mass)
        if self.maybe(0.15):
            feature.lifecycle_stage = self.one(0, 1, 2, 3, 4, 5, 6, 7, 9)
        if self.maybe(0.03):
            feature.deprecated = True
        for environments in (feature.in_environment, feature.not_in_environment):
            if self.maybe(0.15):
                environments.append(self.one(*ENVIRONMENTS))
        if self.maybe(0.12):
            self.set_maybe(feature.unique_constraints, 0.8, min=[0, 1, 5], max=[0, 1, 5])
        for comparator in ("drift_comparator", "skew_comparator"):
            if self.maybe(0.4):
                self.comparator(getattr(feature, comparator))
        if self.maybe(0.03):
            feature.validation_derived_source.deriver_name = "y"

    def valency(self, feature):
        how = self.random.random()
        if how < 0.2:
            self.set_maybe(feature.value_count, 0.7, min=[-1, 0, 1, 1, 2], max=[0, 1, 1, 2, 3])
        elif how < 0.35:
            feature.value_counts.SetInParent()
            for _ in range(self.random.randint(0, 3)):
                self.set_maybe(feature.value_counts.value_count.add(), min=[-1, 0, 1, 2], max=[0, 1, 2])
        elif how < 0.6:
            feature.shape.SetInParent()
            for _ in range(self.one(0, 1, 1, 1, 2)):
                feature.shape.dim.add(size=self.one(1, 1, 2, 0, 3))

    def domain(self, feature, path, kind):
        domain = self.one(*DOMAINS)
        if feature.type == schema_pb2.STRUCT and self.maybe(0.8):
            domain = "struct"
        if kind == "STRUCT" and domain == "float":
            return
        if domain == "named":
            feature.domain = self.one("d1", "d2", "nope")
        elif domain == "string":
            feature.string_domain.value.extend(
                self.one(*LABELS) for _ in range(self.random.randint(0, 6))
            )
        elif domain == "bool":
            truths, untruths = ["true", "1", "a"], ["false", "0", "a", ""]
            self.set_maybe(feature.bool_domain, true_value=truths, false_value=untruths)
        elif domain == "int":
            self.set_maybe(feature.int_domain, min=[-5, 0, 1, 10], max=[0, 1, 5, 100])
        elif domain == "float":
            self.set_maybe(feature.float_domain, min=[-5, 0, 0.1, 1], max=[0, 0.1, 1, 1e5])
            flags = [True, False]
            self.set_maybe(feature.float_domain, 0.4, disallow_nan=flags, disallow_inf=flags)
        elif domain == "struct":
            feature.struct_domain.SetInParent()
            for member in ("m", "n") if len(path) == 1 else ():
                if self.maybe(0.7):
                    self.feature(feature.struct_domain.feature.add(), (*path, member))
        elif domain == "natural_language":
            feature.natural_language_domain.SetInParent()
            if self.maybe(0.4):
                feature.natural_language_domain.coverage.min_coverage = 0.3
        elif domain == "image":
            limits = {"minimum_supported_image_fraction": [0.1, 0.9], "max_image_byte_size": [1, 99]}
            self.set_maybe(feature.image_domain, **limits)
        elif domain == "time":
            feature.time_domain.string_format = "%Y"
        elif domain != "none":
            getattr(feature, f"{domain}_domain").SetInParent()

    def comparator(self, comparator):
        thresholds = [0, 0.01, 0.3, 2]
        if self.maybe(0.6):
            comparator.infinity_norm.threshold = self.one(*thresholds)
        if self.maybe(0.6):
            comparator.jensen_shannon_divergence.threshold = self.one(*thresholds)
            if self.maybe():
                comparator.jensen_shannon_divergence.source.type = self.one(0, 1, 2)
        if self.maybe(0.4):
            comparator.normalized_abs_difference.threshold = self.one(*thresholds[:3])

    def environment(self, schema):
        return self.one(None, *schema.default_environment)

    def row(self):
        """Values of a few features of one example, and their kinds."""
        kinds = {
            name: self.one("INT", "FLOAT", "STRING")
            for name in NAMES[:6]
            if name == "a" or self.maybe(0.75)
        }
        row = {name: self.values(kind) for name, kind in kinds.items()}
        for name, kind in kinds.items():
            if kind != "FLOAT" and self.maybe(0.15):
                row[name] = []
        return row, kinds

    def values(self, kind):
        """One to three values; JavaScript tells floats from integers only by their fraction."""
        pools = {
            "INT": [0, 1, 2, -3, 7, 12],
            "FLOAT": [0.25, 0.5, -3.25, 1e6 + 0.5, math.nan, math.inf],
            "STRING": LABELS,
        }
        return self.random.choices(pools[kind], k=self.one(1, 1, 1, 2, 3))
