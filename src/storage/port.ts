/** What is known of a stored object without reading it. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch of the last write. */
  readonly modifiedMs: number;
}

/**
 * Bytes by name: a folder, a bucket, memory. Keys are relative, `/`-separated, without `.` and `..`
 * segments, and never leave the store; a bad key is `invalid_argument`,
 * one that a symbolic link takes out of the store `permission_denied`.
 */
export interface ObjectStore {
  /** The store's root as a URL, for example `file:///data/lake`. */
  readonly url: string;

  /**
   * Writes an object from its bytes, streamed. It appears whole and durable, or not at all.
   * @throws `already_exists` when `ifAbsent` is set and the key is taken
   */
  put(
    key: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { readonly ifAbsent?: boolean; readonly signal?: AbortSignal },
  ): Promise<ObjectInfo>;

  /**
   * Streams an object, or `length` bytes of it from `start`.
   * @throws `not_found`
   */
  get(
    key: string,
    options?: {
      readonly start?: number;
      readonly length?: number;
      readonly signal?: AbortSignal;
    },
  ): AsyncIterable<Uint8Array>;

  /** What is stored under a key, or undefined. */
  stat(key: string): Promise<ObjectInfo | undefined>;

  /** Objects whose key starts with `prefix`, in the byte order of their keys. */
  list(prefix?: string): AsyncIterable<ObjectInfo>;

  /**
   * Gives an object another key without its bytes passing through here, replacing what is there. Lets
   * a writer stream under a passing key and name the object by what its bytes turned out to be.
   * @throws `not_found`
   */
  move(from: string, to: string): Promise<void>;

  /** Removes an object; removing what is not there is no error. */
  delete(key: string): Promise<void>;

  /** The object's path when it lies on this machine's file system, for engines that read files. */
  localPath(key: string): string | undefined;
}
