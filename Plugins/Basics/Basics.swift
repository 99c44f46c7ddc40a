public import PipeKit

extension Plugin {
    public static let basics = Plugin("Basics", "What every graph needs.", stages: [])
}
