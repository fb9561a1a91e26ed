import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { WaybillError } from "../foundation/index.ts";
import type { Action, Caller, Resource } from "../protection/index.ts";

/** What a handler may want to know of its call besides the request and the caller. */
export interface RpcCall {
  readonly id: string;
  /** Aborted at the client's deadline, when it cancels, and when the server stops. */
  readonly signal: AbortSignal;
  /** Request metadata by lower-case name. */
  metadata(name: string): string | undefined;
}

/** A unary method: what it does, to what, and how. Answering without a promise costs the least. */
export interface RpcMethod<Input extends DescMessage, Output extends DescMessage> {
  readonly action: Action;
  /** When it is not the service's own. */
  readonly resource?: Resource | ((request: MessageShape<Input>) => Resource);
  readonly handler: (
    request: MessageShape<Input>,
    caller: Caller,
    call: RpcCall,
  ) => MessageShape<Output> | Promise<MessageShape<Output>>;
}

/** A method whose answer, request, or both are streams of messages. */
export interface StreamingMethod<Request, Answer, Message> {
  readonly action: Action;
  /** When it is not the service's own; of the request where there is one before the stream. */
  readonly resource?: Resource | ((request: Message) => Resource);
  readonly handler: (request: Request, caller: Caller, call: RpcCall) => Answer;
}

type MethodOf<Method extends GenServiceMethods[string]> = Method["methodKind"] extends "unary"
  ? RpcMethod<Method["input"], Method["output"]>
  : Method["methodKind"] extends "server_streaming"
    ? StreamingMethod<
        MessageShape<Method["input"]>,
        AsyncIterable<MessageShape<Method["output"]>>,
        MessageShape<Method["input"]>
      >
    : Method["methodKind"] extends "client_streaming"
      ? StreamingMethod<
          AsyncIterable<MessageShape<Method["input"]>>,
          Promise<MessageShape<Method["output"]>>,
          never
        >
      : StreamingMethod<
          AsyncIterable<MessageShape<Method["input"]>>,
          AsyncIterable<MessageShape<Method["output"]>>,
          never
        >;

type MethodsOf<Methods extends GenServiceMethods> = {
  readonly [name in keyof Methods]?: MethodOf<Methods[name]>;
};

/** A gRPC service as it is defined; methods left out are answered with UNIMPLEMENTED. */
export interface RpcDefinition<Methods extends GenServiceMethods> {
  readonly service: GenService<Methods>;
  /** What its methods act on, unless a method says otherwise. */
  readonly resource: Resource;
  readonly methods: NoInfer<MethodsOf<Methods>>;
}

/** A defined method, as the frame and the tests of the table see it. */
export interface BoundMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly kind: DescMethod["methodKind"];
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly action: Action;
  readonly resourceOf: (request: unknown) => Resource;
  readonly handler: (request: unknown, caller: Caller, call: RpcCall) => unknown;
}

/** A defined service. */
export interface RpcService {
  readonly typeName: string;
  readonly methods: readonly BoundMethod[];
}

/**
 * Defines a gRPC service from its generated descriptor.
 * @throws WaybillError `internal` when a method is none of the service's
 */
export function defineRpc<Methods extends GenServiceMethods>(
  definition: RpcDefinition<Methods>,
): RpcService {
  const { service } = definition;
  // Only the frame calls what is bound here, with messages of the method's own input type.
  const given = Object.entries(definition.methods) as [
    string,
    RpcMethod<DescMessage, DescMessage> | undefined,
  ][];
  return {
    typeName: service.typeName,
    methods: given.flatMap(([name, method]) => {
      if (method === undefined) return [];
      const described: DescMethod | undefined = service.methods.find(
        ({ localName }) => localName === name,
      );
      if (described === undefined) {
        throw new WaybillError("internal", `${service.typeName} has no method "${name}".`);
      }
      const resource = method.resource ?? definition.resource;
      return {
        path: `/${service.typeName}/${described.name}`,
        kind: described.methodKind,
        input: described.input,
        output: described.output,
        action: method.action,
        resourceOf: (request: unknown) =>
          typeof resource === "function"
            ? resource(request as MessageShape<DescMessage>)
            : resource,
        handler: (request: unknown, caller: Caller, call: RpcCall) =>
          method.handler(request as MessageShape<DescMessage>, caller, call),
      };
    }),
  };
}
