import CLinux
import Testing

@testable import HTTPServer

struct HostRuleTests {
    @Test(arguments: [
        ("localhost", "localhost"), ("LOCALHOST:80", "localhost"), ("[::1]", "::1"), ("[::1]:65535", "::1"),
        ("example.org.", "example.org"), ("", nil), (":80", nil), ("a b", nil), ("[::1", nil), ("[::1]x", nil),
        ("host:port", nil), ("host:123456", nil), ("user@host", nil), ("host/", nil), ("host:", "host"),
        ("\u{e9}.fr", nil),
        (String(repeating: "a", count: 256), nil),
    ])
    func `finds the name in a header, or none`(header: String, name: String?) {
        #expect(HostRule.name(in: header) == name)
    }

    @Test(arguments: ["127.0.0.1", "127.255.0.9", "::1", "localhost"])
    func `knows what leads to this machine`(name: String) { #expect(HostRule.isLoopback(name)) }

    @Test(arguments: ["127.0.0", "127.0.0.1.example", "128.0.0.1", "127.0.0.256", "localhost.example", "", "127..0.1"])
    func `and what does not`(name: String) { #expect(!HostRule.isLoopback(name)) }

    @Test(arguments: [
        ([], "token", false), (Array("token".utf8), "token", true), (Array("tokeN".utf8), "token", false),
        (Array("toke".utf8), "token", false), (Array("tokentoken".utf8), "token", false),
    ])
    func `compares tokens whole`(given: [UInt8], wanted: String, isSame: Bool) {
        #expect(cpipe_is_secret(given, given.count, wanted, wanted.utf8.count) == isSame)
        #expect(!cpipe_is_secret(given, given.count, "", 0))
    }
}
