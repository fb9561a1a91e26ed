"""TensorFlow Data Validation's half of tfdv.peer.ts.

  tfdv.py SHARED FOLDER

Writes random cases and TFDV's answers, and what TFDV makes of real data, under FOLDER; prints "made" and
waits for a line on its input, by which time Waybill has written its answers beside them. Then compares,
prints what differs and a closing line, and exits with 1 if anything does.
One process does both, because importing TFDV takes ten seconds. Everything random has a fixed seed.
"""
import copy
import difflib
import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import pyarrow as pa
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_data_validation.api import validation_api, validation_options
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

sys.dont_write_bytecode = True  # The checkout stays as it is.
from tfdv_cases import ENVIRONMENTS, SCHEMA_TYPE, Maker

DATASET_CASES, DATASET_SEED = 150, 7
INSTANCE_CASES, INSTANCE_SEED = 50, 11

# Answers that differ on purpose: the lines of TFDV (-) and of Waybill (+) that differ, all and no others.
KNOWN = {
    # 1e19 is more than an int64 holds: TFDV overflows into the least number, Waybill takes the greatest.
    "dataset23.updated.schema": ["-max: -9223372036854775808", "+max: 9223372036854775807"],
}

REAL_DATA = {
    "train": "chicago_taxi/train.csv",
    "evaluation": "chicago_taxi/eval.csv",
    "serving": "chicago_taxi/serving.csv",
    "covertype": "covertype_sample/covertype_evaluation.csv",
}


class Exchange:
    """The folder in which both sides lay messages, each named after what it is: NAME.KIND.pb."""

    # Of each kind: its message, how TFDV writes it as text, and how it reads it back.
    KINDS = {
        "statistics": (
            statistics_pb2.DatasetFeatureStatisticsList,
            tfdv.write_stats_text,
            tfdv.load_stats_text,
        ),
        "schema": (schema_pb2.Schema, tfdv.write_schema_text, tfdv.load_schema_text),
        "anomalies": (anomalies_pb2.Anomalies, tfdv.write_anomalies_text, tfdv.load_anomalies_text),
    }

    def __init__(self, folder):
        self.folder = folder
        self.differences = []
        for side in ("given", "theirs"):
            (folder / side).mkdir()

    def write(self, side, name, message):
        """Writes a message as bytes and as TFDV writes text."""
        path = self.folder / side / name
        Path(f"{path}.pb").write_bytes(message.SerializeToString())
        self.KINDS[kind_of(name)][1](message, f"{path}.pbtxt")

    def read(self, side, name, ending):
        message, _, load_text = self.KINDS[kind_of(name)]
        path = self.folder / side / f"{name}.{ending}"
        if ending == "pbtxt":
            return load_text(str(path))
        if ending == "tfrecord":
            return tfdv.load_statistics(str(path))
        if message is statistics_pb2.DatasetFeatureStatisticsList:
            return tfdv.load_stats_binary(str(path))
        return message.FromString(path.read_bytes())

    def names(self, side):
        return sorted(path.stem for path in (self.folder / side).glob("*.pb"))

    def compare_files(self, side, name, endings, expected):
        """What Waybill wrote reads as the expected message, field for field, in every encoding."""
        for ending in endings:
            if exact(self.read(side, name, ending)) != exact(expected):
                self.differences.append(f"{side}/{name}.{ending} reads otherwise than it should")

    def compare_answers(self, name, compare_statistics):
        theirs, ours = self.read("theirs", name, "pb"), self.read("ours", name, "pb")
        if kind_of(name) == "statistics":
            found = compare_statistics("stats", as_text(theirs), as_text(ours))
        else:
            found = changed_lines(as_text(theirs), as_text(ours))
        known = KNOWN.get(name, [])
        if found != known:
            expected = ["where this was expected:", *known] if known else []
            self.differences.append("\n  ".join([name, *found, *expected]))


def kind_of(name):
    return name.rsplit(".", 1)[1]


def exact(message):
    """Bytes that are equal for equal messages, NaN and the order of maps included."""
    return message.SerializeToString(deterministic=True)


def as_text(message):
    """Text with numbers rounded to what two sums in different orders agree on."""
    return text_format.MessageToString(message, float_format=".9g", double_format=".9g")


def changed_lines(theirs, ours):
    """The lines that only TFDV (-) or only Waybill (+) has."""
    lines = difflib.unified_diff(theirs.split("\n"), ours.split("\n"), n=0, lineterm="")
    return [line[0] + line[1:].strip() for line in list(lines)[2:] if line[0] != "@"]


def make_dataset_cases(exchange):
    maker = Maker(DATASET_SEED)
    for number in range(DATASET_CASES):
        case = f"dataset{number}"
        weighted = maker.maybe(0.2)
        statistics, kinds = maker.statistics(weighted)
        others = {
            role: maker.statistics(weighted, like)[0]
            for role, chance, like in (
                ("previous", 0.6, kinds),
                ("serving", 0.5, kinds),
                ("version", 0.3, None),
            )
            if maker.maybe(chance)
        }
        schema = maker.schema(kinds)
        environment, warn = maker.environment(schema), maker.maybe(0.2)
        for role, given in {"statistics": statistics, **others}.items():
            exchange.write("given", f"{case}.{role}.statistics", given)
        exchange.write("given", f"{case}.schema", schema)
        about = {"environment": environment, "newFeaturesAreWarnings": warn, "others": list(others)}
        write_json(exchange.folder / "given" / f"{case}.json", about)
        print(case, file=sys.stderr)  # The last one, should TFDV end the process.
        anomalies = validation_api.validate_statistics_internal(
            copy.deepcopy(statistics),
            copy.deepcopy(schema),
            environment,
            others.get("previous"),
            others.get("serving"),
            others.get("version"),
            validation_options.ValidationOptions(new_features_are_warnings=warn),
        )
        exchange.write("theirs", f"{case}.anomalies", anomalies)
        updated = tfdv.update_schema(copy.deepcopy(schema), copy.deepcopy(statistics))
        exchange.write("theirs", f"{case}.updated.schema", updated)
        exchange.write("theirs", f"{case}.inferred.schema", tfdv.infer_schema(statistics))


def make_instance_cases(exchange):
    maker = Maker(INSTANCE_SEED)
    types = {"INT": pa.int64(), "FLOAT": pa.float32(), "STRING": pa.binary()}
    for number in range(INSTANCE_CASES):
        case = f"instance{number}"
        row, kinds = maker.row()
        schema = maker.schema({(name,): kind for name, kind in kinds.items()})
        # Waybill's verb for single examples does not look at features that are made of several.
        del schema.sparse_feature[:], schema.weighted_feature[:]
        for place, feature in enumerate(schema.feature):
            # TFDV would open the values as images, and takes two features without a name for one.
            feature.ClearField("image_domain")
            feature.name = feature.name or f"unnamed{place}"
            # TFDV counts such integers as text, and then lets every one pass; Waybill does not.
            if feature.type == schema_pb2.INT:
                feature.ClearField("bool_domain")
                feature.ClearField("natural_language_domain")
            # An empty list has no type in JavaScript, so it is of the one that the schema expects.
            kind = kinds.get(feature.name)
            if kind and not row[feature.name] and feature.type != SCHEMA_TYPE[kind]:
                row[feature.name] = maker.values(kind)
        environment = maker.environment(schema)
        arrays = [
            pa.array(
                [[v.encode() for v in values] if kinds[name] == "STRING" else values],
                type=pa.list_(types[kinds[name]]),
            )
            for name, values in row.items()
        ]
        exchange.write("given", f"{case}.schema", schema)
        typed = [[name, kinds[name], [str(v) for v in values]] for name, values in row.items()]
        about = {"environment": environment, "row": typed}
        write_json(exchange.folder / "given" / f"{case}.json", about)
        print(case, file=sys.stderr)
        anomalies = validation_api.validate_instance(
            pa.RecordBatch.from_arrays(arrays, list(row)),
            tfdv.StatsOptions(schema=copy.deepcopy(schema)),
            environment,
        )
        # One example is not a dataset; only what is said of its features is compared.
        told = anomalies_pb2.Anomalies(anomaly_info=anomalies.anomaly_info)
        exchange.write("theirs", f"{case}.anomalies", told)


def make_real(exchange, data):
    """Statistics of real files, and the walk through the taxi data that TFDV's users know."""
    statistics = {}
    for name, path in REAL_DATA.items():
        output = exchange.folder / "theirs" / f"{name}.statistics.tfrecord"
        statistics[name] = tfdv.generate_statistics_from_csv(str(data / path), output_path=str(output))
        exchange.write("theirs", f"{name}.statistics", statistics[name])
    train, evaluation, serving = (statistics[name] for name in ("train", "evaluation", "serving"))

    def step(name, *args, **options):
        found = tfdv.validate_statistics(*args, **options)
        exchange.write("theirs", f"walk.{name}.anomalies", found)

    exchange.write("theirs", "covertype.schema", tfdv.infer_schema(statistics["covertype"]))
    schema = tfdv.infer_schema(train)
    exchange.write("theirs", "walk.inferred.schema", schema)
    step("evaluation", evaluation, schema)
    exchange.write("theirs", "walk.updated.schema", tfdv.update_schema(schema, evaluation))
    tfdv.get_feature(schema, "company").distribution_constraints.min_domain_mass = 0.9
    tfdv.get_domain(schema, "payment_type").value.append("Prcard")
    step("fixed", evaluation, schema)
    step("serving", serving, schema)
    schema.default_environment.extend(ENVIRONMENTS)
    tfdv.get_feature(schema, "tips").not_in_environment.append("SERVING")
    step("environment", serving, schema, environment="SERVING")
    tfdv.get_feature(schema, "company").drift_comparator.infinity_norm.threshold = 0.001
    tfdv.get_feature(schema, "payment_type").skew_comparator.infinity_norm.threshold = 0.01
    step("drift", evaluation, schema, previous_statistics=train)
    step("skew", train, schema, serving_statistics=serving, environment="TRAINING")
    for name in ("trip_miles", "fare", "trip_start_hour"):
        comparator = tfdv.get_feature(schema, name).drift_comparator
        comparator.jensen_shannon_divergence.threshold = 0.0001
    step("numbers", evaluation, schema, previous_statistics=train)
    exchange.write("theirs", "walk.final.schema", schema)


def compare_answers(exchange, interop):
    """Compares all that Waybill wrote; statistics by the rules of compare_tfdv.py."""
    sys.path.insert(0, str(interop))
    from compare_tfdv import compare

    for name in exchange.names("theirs"):
        endings = ["pb", "pbtxt", *(["tfrecord"] if kind_of(name) == "statistics" else [])]
        exchange.compare_files("echo", name, endings, exchange.read("theirs", name, "pb"))
        exchange.compare_files("ours", name, endings[1:], exchange.read("ours", name, "pb"))
        exchange.compare_answers(name, compare)


def write_json(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")


def main():
    shared, folder = map(Path, sys.argv[1:])
    exchange = Exchange(folder)
    make_dataset_cases(exchange)
    make_instance_cases(exchange)
    make_real(exchange, shared / "data")
    print("made", flush=True)
    sys.stdin.readline()

    compare_answers(exchange, shared / "interop")
    for line in exchange.differences:
        print(line)
    print(
        f"TFDV {tfdv.__version__} and Waybill: {len(exchange.names('theirs'))} answers compared"
        f" ({DATASET_CASES} random datasets, {INSTANCE_CASES} random examples, {len(REAL_DATA)} real"
        f" files, the taxi walk), {len(exchange.differences)} differ, {len(KNOWN)} more on purpose"
    )
    sys.exit(1 if exchange.differences else 0)


if __name__ == "__main__":
    main()
