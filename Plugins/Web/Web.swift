public import PipeKit

extension Plugin {
    /// What a run shows on its page.
    public static let web = Plugin("Web", "What a run shows on its page.", stages: [WebView.self])
}
