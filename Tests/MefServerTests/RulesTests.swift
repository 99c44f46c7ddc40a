import Glibc
import Testing

@testable import MefServer

/// Guesses, holds, options and paths.
struct RulesTests {
    private static let walks: [(windows: [Int64], guessed: [Int64])] = [
        (windows: [0], guessed: [10, 20]),
        (windows: [0, 10], guessed: [20, 30]),
        (windows: [100, 90], guessed: [80, 70]),
        (windows: [0, 25], guessed: []),
        (windows: [0, 25, 50], guessed: [75, 100]),
        (windows: [0, 25, 50, 7], guessed: []),
        (windows: [50, 45, 40], guessed: [35, 30]),
        (windows: [10, 10], guessed: []),
        (windows: [0, 25, 10, 20], guessed: [30, 40]),
    ]

    @Test(arguments: walks)
    func `direction and stride are learned`(windows: [Int64], guessed: [Int64]) {
        var forecast = Forecast()
        var guesses: [TimeWindow] = []
        for start in windows {
            guesses = forecast.observe(TimeWindow(start: start, end: start + 10), ahead: 2, behind: 0)
        }
        #expect(guesses.map(\.start) == guessed)
        #expect(guesses.allSatisfy { $0.end - $0.start == 10 })
    }

    @Test func `guesses at the end of time are left out`() {
        let held = Held(Forecast())
        let last = TimeWindow(start: .max - 15, end: .max - 5)
        #expect(held.observe(last, ahead: 3, behind: 1).map(\.start) == [.max - 25])
    }

    @Test func `a session is open while a client holds it`() {
        let now = ContinuousClock().now
        let held = Held(Catalog<Int>(maxHolds: 3))
        #expect(held.open("a", 1, client: "x", now: now).file == 1)
        #expect(held.open("a", 2, client: "y", now: now).file == 1)
        #expect(held.close("a", client: "x") == nil)
        #expect(held.close("a", client: "x") == nil)
        #expect(held.value.isOpen("a"))
        #expect(held.close("a", client: "y") == 1)
        #expect(held.close("a", client: "y") == nil)
        #expect(held.value.paths == [])
    }

    @Test func `the oldest hold goes when there are too many, but not that of clients without a name`() {
        let now = ContinuousClock().now
        let held = Held(Catalog<Int>(maxHolds: 3))
        _ = held.open("a", 1, client: "", now: now)
        _ = held.open("b", 2, client: "x", now: now + .seconds(1))
        _ = held.open("c", 3, client: "x", now: now + .seconds(2))
        _ = held.file("b", client: "x", now: now + .seconds(3))
        #expect(held.open("d", 4, client: "y", now: now + .seconds(4)).released == [3])
        #expect(held.value.paths == ["a", "b", "d"])
        #expect(held.expire(before: now + .seconds(4)) == [2])
        #expect(held.value.paths == ["a", "d"])
    }

    @Test func `the environment of the original servers is honoured`() throws {
        var configuration = Configuration(roots: ["/"])
        let ignored = try configuration.apply(environment: [
            "PORT": " 6000 ", "N_PREFETCH": "5", "PREFETCH_AHEAD_WINDOWS": "4", "PREFETCH_BEHIND_WINDOWS": "1",
            "TILE_CACHE_MB": "64", "TILE_DURATION_S": "30.5", "CACHE_TTL_S": "60", "MAX_WORKERS": "3",
            "N_PROCESS_WORKERS": "0", "MAX_SESSIONS": "", "USE_PROCESS_POOL": "true", "HOME": "/root",
        ])
        #expect(ignored == ["USE_PROCESS_POOL"])
        var expected = Configuration(roots: ["/"])
        expected.address = "127.0.0.1:6000"
        expected.prefetchAhead = 4
        expected.prefetchBehind = 1
        expected.cacheBytes = 64 << 20
        expected.tileSeconds = 30.5
        expected.tileLifetime = .seconds(60)
        expected.threads = 3
        #expect(configuration == expected)
    }

    @Test func `all that is wrong in the environment is said at once`() {
        var configuration = Configuration(roots: ["/"])
        let error = #expect(throws: MefServerError.self) {
            try configuration.apply(environment: ["PORT": "70000", "TILE_CACHE_MB": "much", "MAX_WORKERS": "3"])
        }
        #expect(
            error?.message == "PORT='70000' is not a whole number in 0...65535; "
                + "TILE_CACHE_MB='much' is not a number in 1.0...100000000.0"
        )
    }

    @Test func `a configuration that cannot be is refused with every reason`() {
        var configuration = Configuration(roots: [])
        configuration.threads = -1
        configuration.token = ""
        configuration.keepalive = .zero
        let error = #expect(throws: MefServerError.self) { try MefServer(configuration) }
        for name in ["roots", "threads", "token", "keepalive"] { #expect(error?.message.contains("'\(name)'") == true) }
        #expect(throws: MefServerError.self) { try MefServer(Configuration(roots: ["/no/such/directory"])) }
    }

    @Test func `an address that is taken is an error`() throws {
        var configuration = Configuration(roots: ["/tmp"])
        configuration.address = "127.0.0.1:0"
        let server = try MefServer(configuration)
        configuration.address = "127.0.0.1:\(server.port)"
        let error = #expect(throws: MefServerError.self) { try MefServer(configuration) }
        #expect(error?.code == .listen)
        #expect(server.stop(within: .seconds(5)))
    }

    @Test func `paths lead nowhere but below the roots`() throws {
        let scratch = try Scratch()
        for name in ["data", "data/é.mefd", "data/in.mefd", "other", "other/x.mefd", "database"] {
            mkdir(scratch.path + "/" + name, 0o755)
        }
        symlink(scratch.path + "/other/x.mefd", scratch.path + "/data/out.mefd")
        symlink(scratch.path + "/data/in.mefd", scratch.path + "/other/back.mefd")
        let roots = try Roots([scratch.path + "/data"], prefix: "")
        func admits(_ path: String) -> Bool { roots.admit(path) != nil }
        #expect(admits(scratch.path + "/data/in.mefd"))
        #expect(admits(scratch.path + "/data/./in.mefd/"))
        #expect(admits(scratch.path + "/other/back.mefd"))
        #expect(!admits(scratch.path + "/data/out.mefd"))
        #expect(!admits(scratch.path + "/data/../other/x.mefd"))
        #expect(!admits(scratch.path + "/other/x.mefd"))
        #expect(!admits(scratch.path + "/database"))
        #expect(!admits(scratch.path + "/data/in.mefd\0"))
        #expect(!admits(""))
        #expect(admits(scratch.path + "/data/\u{E9}.mefd"))
        #expect(!admits(scratch.path + "/data/e\u{301}.mefd"))
        let prefixed = try Roots([scratch.path], prefix: scratch.path)
        #expect(prefixed.admit("/data/in.mefd") == scratch.path + "/data/in.mefd")
    }

    @Test func `a session whose links lead out is not read`() throws {
        let scratch = try Scratch()
        for name in ["data", "data/s.mefd", "data/s.mefd/a.timd", "other", "other/b.timd"] {
            mkdir(scratch.path + "/" + name, 0o755)
        }
        let roots = try Roots([scratch.path + "/data"], prefix: "")
        let session = scratch.path + "/data/s.mefd"
        #expect(roots.holdsAll(below: session))
        symlink("a.timd", session + "/inside.timd")
        #expect(roots.holdsAll(below: session))
        symlink(scratch.path + "/other/b.timd", session + "/a.timd/b.segd")
        #expect(!roots.holdsAll(below: session))
    }
}

extension Held where Value == Catalog<Int> {

    func open(_ path: String, _ file: Int, client: String, now: ContinuousClock.Instant) -> (file: Int, released: [Int])
    {
        value.open(path, file, client: client, now: now)
    }
    func close(_ path: String, client: String) -> Int? { value.close(path, client: client) }
    func file(_ path: String, client: String, now: ContinuousClock.Instant) -> Int? {
        value.file(path, client: client, now: now)
    }
    func expire(before cutoff: ContinuousClock.Instant) -> [Int] { value.expire(before: cutoff) }
}

extension Held where Value == Forecast {
    func observe(_ window: TimeWindow, ahead: Int, behind: Int) -> [TimeWindow] {
        value.observe(window, ahead: ahead, behind: behind)
    }
}
