extension Explanation {
    /// The file and its YAML.
    static let reading: [Explanation] = []
    static let values: [Explanation] = []
    static let linking: [Explanation] = []
    static let whole: [Explanation] = []
}
