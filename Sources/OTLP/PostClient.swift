import CCurl
import PipeCore

/// Posts texts to one URL, one after the other, over a connection that stays.
final class PostClient {
    enum Outcome {
        case accepted
        /// It may be accepted later, not before so long.
        case later(String, after: Duration)
        case refused(String)
    }

    private let handle: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let answer = Answer()

    /// The beginning of what is answered: enough to say why something was refused.
    private final class Answer {
        var bytes: [UInt8] = []
        static let most = 4096

        func take(_ data: UnsafeMutablePointer<CChar>, _ count: Int) {
            let room = Self.most - bytes.count
            guard room > 0 else { return }
            data.withMemoryRebound(to: UInt8.self, capacity: count) {
                bytes += UnsafeBufferPointer(start: $0, count: min(count, room))
            }
        }
    }

    init(_ url: String, headers fields: [(name: String, value: String)]) throws {
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let handle = curl_easy_init() else {
            throw StageError("there is no memory for an HTTP client")
        }
        self.handle = handle
        for (name, value) in fields { headers = curl_slist_append(headers, "\(name): \(value)") }
        let code = cpipe_curl_prepare(
            handle,
            url,
            headers,
            { data, size, count, context in
                guard let data, let context else { return 0 }
                Unmanaged<Answer>.fromOpaque(context).takeUnretainedValue().take(data, size * count)
                return size * count
            },
            Unmanaged.passUnretained(answer).toOpaque()
        )
        guard code == CURLE_OK else { throw StageError("'\(url)' is no address: \(Self.words(code))") }
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
    }

    private static func words(_ code: CURLcode) -> String { curl_easy_strerror(code).map { String(cString: $0) } ?? "" }

    func post(_ body: [UInt8], within time: Duration) -> Outcome {
        answer.bytes = []
        var (status, retry) = (0, curl_off_t(0))
        let code = body.withUnsafeBytes {
            cpipe_curl_post(
                handle,
                $0.baseAddress,
                $0.count,
                max(1, time.nanoseconds / 1_000_000),
                &status,
                &retry
            )
        }
        guard code == CURLE_OK else { return .later(Self.words(code), after: .zero) }
        switch status {
        case 200..<300: return .accepted
        case 429, 502, 503, 504: return .later("it answers \(status)", after: .seconds(min(Int(retry), 60)))
        default:
            let text = String(decoding: answer.bytes.prefix(200), as: UTF8.self).split(separator: "\n").first
            return .refused("it answers \(status)\(text.map { ": \($0)" } ?? "")")
        }
    }
}
