public import PipeKit

extension Plugin {
    /// Sources, sinks and transforms that every graph can use.
    public static let basics = Plugin(
        "Basics",
        "Sources, sinks and transforms that every graph can use.",
        stages: [
            Batch.self, Fault.self, FileLines.self, Filter.self, Generate.self, Join.self, JSONLFile.self, Map.self,
            Merge.self, Null.self, ParseJSON.self, Split.self, Throttle.self,
        ]
    )
}
