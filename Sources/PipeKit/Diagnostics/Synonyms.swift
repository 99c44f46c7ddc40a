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
        "choices": ["values", "options", "enum", "one_of"],
    ]

    static func meaning(of word: String, among names: [String]) -> String? {
        let word = word.lowercased().map { $0 == "-" ? "_" : String($0) }.joined()
        return names.first { meanings[$0]?.contains(word) == true }
    }
}
