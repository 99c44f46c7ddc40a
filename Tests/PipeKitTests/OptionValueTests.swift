import PipeCore
import PipeKit
import Testing

/// Reads a value as it would be read from a file: `text` plain, `'text'` quoted.
func read<Value: OptionValue>(_ type: Value.Type, _ text: String) -> (value: Value?, findings: [Diagnostic]) {
    let isQuoted = text.count > 1 && text.hasPrefix("'") && text.hasSuffix("'")
    let bare = isQuoted ? String(text.dropFirst().dropLast()) : text
    let place = Place(file: 0, line: 1, column: 1, length: Int32(text.unicodeScalars.count))
    let node = Node(.scalar(text: bare, style: isQuoted ? .quoted : .plain), at: place, textOffset: isQuoted ? 1 : 0)
    let reader = Reader(looksAtWorld: false)
    let value = Value.read(node, reader)
    return (value, reader.diagnostics.all)
}

struct OptionValueTests {
    @Test(arguments: [
        ("100ms", Duration.milliseconds(100)), ("1.5s", .milliseconds(1500)), ("1h30m", .seconds(5400)), ("0s", .zero),
        ("250us", .microseconds(250)), ("250µs", .microseconds(250)), ("2d", .seconds(172_800)),
        ("1_000ms", .seconds(1)),
    ])
    func `a duration is read with its unit`(text: String, expected: Duration) {
        #expect(read(Duration.self, text).value == expected)
        #expect(read(Duration.self, expected.written).value == expected)
    }

    @Test(arguments: [
        ("64MiB", 67_108_864), ("1KiB", 1024), ("10MB", 10_000_000), ("0B", 0), ("1.5GiB", 1_610_612_736),
        ("512B", 512),
    ])
    func `a size is read with its unit`(text: String, bytes: Int) {
        #expect(read(ByteCount.self, text).value == ByteCount(bytes))
        #expect(read(ByteCount.self, ByteCount(bytes).written).value == ByteCount(bytes))
    }

    @Test(arguments: [
        ("30/s", 30.0), ("10kHz", 10_000), ("2.5MHz", 2_500_000), ("600/min", 10), ("36/h", 0.01), ("50Hz", 50),
    ])
    func `a rate is read with its unit`(text: String, perSecond: Double) throws {
        let rate = try #require(read(Rate.self, text).value)
        #expect(abs(rate.perSecond - perSecond) <= perSecond * 1e-12)
    }

    @Test(
        arguments: [
            ("5", "missing-unit", nil), ("5 s", "unknown-unit", "5s"), ("5sec", "unknown-unit", "5s"),
            ("500msec", "unknown-unit", "500ms"), ("5 minutes", "unknown-unit", "5m"), ("5S", "unknown-unit", "5s"),
            ("soon", "wrong-type", nil), ("-1s", "out-of-range", nil), ("99999999999999d", "out-of-range", nil),
            ("1s2", "missing-unit", nil), ("'5'", "missing-unit", nil),
        ] as [(String, String, String?)]
    )
    func `a wrong duration says what is wrong and what was meant`(text: String, code: String, suggestion: String?) {
        let (value, findings) = read(Duration.self, text)
        #expect(value == nil)
        #expect(findings.map(\.code.name) == [code])
        #expect(findings.first?.suggestion == suggestion)
    }

    @Test(arguments: [("10khz", "10kHz"), ("30fps", "30/s"), ("30 /s", "30/s"), ("5/sec", "5/s"), ("10HZ", "10Hz")])
    func `a wrong rate is mended`(text: String, suggestion: String) {
        #expect(read(Rate.self, text).findings.first?.suggestion == suggestion)
    }

    @Test(arguments: [
        ("64mb", "64MB"), ("64 MiB", "64MiB"), ("64Mib", "64MiB"), ("1GIB", "1GiB"), ("5kilobytes", "5kB"),
    ])
    func `a wrong size is mended`(text: String, suggestion: String) {
        #expect(read(ByteCount.self, text).findings.first?.suggestion == suggestion)
    }

    @Test(arguments: [("5", 5), ("-3", -3), ("10_000", 10_000), ("010", 10)])
    func `an integer is decimal, whatever it begins with`(text: String, expected: Int) {
        #expect(read(Int.self, text).value == expected)
    }

    @Test(
        arguments: [
            ("'5'", "wrong-type", "5"), ("5.0", "wrong-type", "5"), ("five", "wrong-type", nil),
            ("1e3", "wrong-type", "1000"),
            ("99999999999999999999", "out-of-range", nil), ("0x10", "wrong-type", "16"), ("", "missing-value", nil),
        ] as [(String, String, String?)]
    )
    func `what is no integer says so`(text: String, code: String, suggestion: String?) {
        let (value, findings) = read(Int.self, text)
        #expect(value == nil)
        #expect(findings.map(\.code.name) == [code])
        #expect(findings.first?.suggestion == suggestion)
    }

    @Test(arguments: [("yes", "true"), ("off", "false"), ("True", "true"), ("flase", "false"), ("1", "true")])
    func `only true and false are booleans`(text: String, suggestion: String) {
        let (value, findings) = read(Bool.self, text)
        #expect(value == nil)
        #expect(findings.first?.suggestion == suggestion)
    }

    @Test(
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:0", "::1", 0), ("camera-3.lab:9000", "camera-3.lab", 9000),
        ] as [(String, String, UInt16)]
    )
    func `an address is a host and a port`(text: String, host: String, port: UInt16) {
        #expect(read(Address.self, text).value == Address(host: host, port: port))
        #expect(Address(host: host, port: port).written == text)
    }

    @Test(
        arguments: [
            ("8080", "127.0.0.1:8080"), (":8080", "127.0.0.1:8080"), ("::1:80", "[::1]:80"), ("localhost", nil),
            ("host:99999", nil),
            ("http://host:80", "host:80"), ("300.1.1.1:80", nil), ("a b:80", nil), ("host:", nil), ("host:http", nil),
            ("-x:1", nil), ("[1:2]:3", nil),
        ] as [(String, String?)]
    )
    func `what is no address says so`(text: String, suggestion: String?) {
        let (value, findings) = read(Address.self, text)
        #expect(value == nil)
        #expect(findings.count == 1)
        #expect(findings.first?.suggestion == suggestion)
    }

    @Test func `a URL prints without its user part`() throws {
        let url = try #require(read(WebURL.self, "rtsp://me:pass@10.0.0.5:8554/s?x=1#y").value)
        #expect(url.written == "rtsp://10.0.0.5:8554/s?x=1#y")
        #expect(url.text == "rtsp://me:pass@10.0.0.5:8554/s?x=1#y")
        #expect((url.user, url.port) == ("me:pass", 8554))
        #expect(read(WebURL.self, "http://[::1]/").value?.host == "::1")
    }

    @Test(arguments: ["example.com", "http:/x", "http://", "http://a b/", "http://a:b/", "://x", "1http://x"])
    func `what is no URL says so`(text: String) {
        #expect(read(WebURL.self, text).value == nil)
        #expect(read(WebURL.self, text).findings.count == 1)
    }

    @Test func `a secret shows itself to nobody`() {
        let secret = Secret("hunter2")
        #expect("\(secret) \(String(reflecting: secret)) \(secret.written)" == "••• ••• •••")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(secret.reveal() == "hunter2")
    }

    @Test func `a secret in plain sight is warned about and not repeated`() {
        let findings = read(Secret.self, "hunter2").findings
        #expect(findings.map(\.code.name) == ["exposed-secret"])
        #expect(!findings.contains { "\($0)".contains("hunter2") })
    }

    @Test(arguments: [("a+b", true), ("[a-z", false), ("(", false), ("^\\d{3}$", true)])
    func `a regular expression is compiled when it is read`(text: String, isSound: Bool) {
        #expect((read(Pattern.self, text).value != nil) == isSound)
    }

    @Test(arguments: [
        ("/a/./b/../c", "/a/c"), ("a//b/", "a/b"), ("../x", "../x"), ("/..", "/"), ("a/..", "."), ("/a/../../b", "/b"),
    ])
    func `paths are told apart by where they lead`(path: String, expected: String) {
        #expect(normalized(path) == expected)
    }
}
