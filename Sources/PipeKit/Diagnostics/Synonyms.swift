/// Words that other systems use for what has one name here. Only for suggestions: none of them is read.
enum Synonyms {
    private static let meanings: [String: [String]] = [
        "from": ["source", "sources", "input", "inputs", "depends_on", "needs", "upstream", "in", "src", "after"],
        "type": ["kind", "stage", "uses", "class", "plugin", "component"],
        "capacity": [
            "queue", "queue_size", "queue_capacity", "buffer", "buffer_size", "depth", "size", "max_items",
            "max_size_buffers", "maxsize",
        ],
        "when_full": ["policy", "overflow", "on_full", "on_overflow", "drop_policy", "leaky", "strategy"],
        "max_age": ["ttl", "expire", "expires", "max_latency", "deadline", "max_size_time"],
        "max_bytes": ["size_limit", "max_size_bytes", "byte_limit"],
        "skip_frames": ["skip", "frame_skip", "decimate", "every", "skip_items"],
        "rate": ["fps", "throttle", "rate_limit", "max_rate", "frequency", "hz"],
        "replicas": ["workers", "parallel", "parallelism", "concurrency", "instances", "threads", "num_workers"],
        "stations": ["copies", "shards", "partitions", "count"],
        "path": ["file", "filename", "file_name", "filepath", "destination", "output"],
        "address": ["listen", "bind", "endpoint", "host", "addr"],
        "params": ["parameters", "variables", "vars", "args", "inputs", "values"],
        "stages": ["nodes", "steps", "pipeline", "components", "operators", "jobs", "tasks"],
        "include": ["imports", "import", "includes", "extends"],
        "doc": ["description", "help", "summary", "comment"],
        "description": ["doc", "summary", "comment"],
        "restart": ["restart_policy", "retry", "retries"],
        "on_error": ["on_failure", "error", "errors", "continue_on_error"],
        "count": ["size", "batch_size", "max", "limit", "n", "number", "items"],
        "window": ["timeout", "max_wait", "linger", "interval", "period"],
        "where": ["condition", "if", "when", "filter", "predicate", "expression"],
        "memory": ["max_memory", "mem", "ram"],
        "run": ["for", "duration", "length"],
        "expect": ["assert", "expects", "then", "checks"],
        "feed": ["given", "input", "inputs"],
        "items": ["count", "n", "number"],
        "to": ["port", "input", "into"],
        "default": ["value"],
        "range": ["min", "max", "between", "bounds", "limits"],
        "file": ["path", "filename", "name", "source", "src", "uri", "url"],
        "choice": ["enum", "select", "one_of", "oneof", "options"],
        "number": ["float", "double", "decimal", "real"],
        "integer": ["int", "long", "whole", "uint", "int32", "int64"],
        "string": ["str", "text"],
        "bool": ["boolean", "flag"],
        "duration": ["time", "timespan", "interval", "seconds"],
        "percentage": ["percent", "ratio", "share"],
        "block": ["wait", "backpressure", "never", "none", "no", "pause", "stall"],
        "drop_oldest": [
            "oldest", "head", "drop", "leaky", "downstream", "ring", "overwrite_oldest", "drop_old", "drop_head",
        ],
        "drop_newest": ["newest", "tail", "discard", "reject", "upstream", "drop_new", "drop_tail", "ignore"],
        "latest": ["last", "most_recent", "conflate", "keep_latest", "sample", "keep_last"],
        "fail": ["stop", "abort", "crash", "error", "raise", "exit"],
        "skip": ["ignore", "continue", "drop"],
        "dead_letter": ["dlq", "deadletter_queue", "quarantine"],
        "pipe": ["version", "api_version", "apiversion"],
        "name": ["title", "id", "label"],
        "choices": ["values", "options", "enum", "one_of"],
    ]

    static func meaning(of word: String, among names: [String]) -> String? {
        guard word.utf8.count <= Suggestion.longest else { return nil }
        let word = word.lowercased().map { $0 == "-" ? "_" : String($0) }.joined()
        return names.first { meanings[$0]?.contains(word) == true }
    }
}
