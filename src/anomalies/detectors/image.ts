import { isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  type ImageDomain,
  ImageDomainSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { FeatureView } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { sixDecimals } from "../format.ts";

/** Images of formats that TensorFlow does not decode, and images that are too large. */
export function detectImage({ view, report }: FeatureCheck, domain: ImageDomain): void {
  const { minimumSupportedImageFraction, maxImageByteSize } = ImageDomainSchema.field;
  const supported = supportedFraction(view);
  if (isFieldSet(domain, minimumSupportedImageFraction) && supported !== undefined) {
    const threshold = Math.fround(domain.minimumSupportedImageFraction);
    if (supported < threshold) {
      domain.minimumSupportedImageFraction = supported;
      report(
        Type.LOW_SUPPORTED_IMAGE_FRACTION,
        "Low supported image fraction",
        `Fraction of values containing TensorFlow supported images: ${sixDecimals(supported)} is lower than the threshold set in the Schema: ${sixDecimals(threshold)}.`,
      );
    }
  }
  if (!isFieldSet(domain, maxImageByteSize)) return;
  const { stats } = view.statistics;
  const largest = stats.case === "bytesStats" ? stats.value.maxNumBytesInt : 0n;
  const allowed = domain.maxImageByteSize;
  if (largest <= allowed) return;
  domain.maxImageByteSize = largest;
  report(
    Type.MAX_IMAGE_BYTE_SIZE_EXCEEDED,
    "Num bytes exceeds the max byte size.",
    `The largest image has bytes: ${largest}. The max allowed byte size is: ${allowed}.`,
  );
}

/** Undefined when the formats were not counted; they are with semantic domain statistics. */
function supportedFraction(view: FeatureView): number | undefined {
  const formats = view.customStatistic("image_format_histogram")?.val;
  if (formats === undefined) return undefined;
  const buckets = formats.case === "rankHistogram" ? formats.value.buckets : [];
  let supported = 0;
  let total = 0;
  for (const { label, sampleCount } of buckets) {
    total += sampleCount;
    if (label !== "UNKNOWN") supported += sampleCount;
  }
  return Math.fround(supported / total);
}
