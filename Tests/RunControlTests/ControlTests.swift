import Glibc
import PipeCore
import PipeGraph
import PipeKit
import RunControl
import Sockets
import Testing

struct ControlTests {
    @Test func aRunIsFoundAndTellsItsNumbers() throws {
        let talk = try TalkingRun()
        let entry = try #require(talk.sockets.all().first)
        #expect(entry.graph == "talk" && entry.process == getpid())
        var status = stat()
        #expect(lstat(talk.sockets.directory, &status) == 0 && status.st_mode & 0o777 == 0o700)
        let client = try talk.client()
        #expect(try client.ask("hello")["graph"] == "talk")
        let answer = try client.ask("snapshot")
        let numbers = try RunNumbers(answer)
        #expect(numbers.stages.map(\.name) == ["source", "double", "end"])
        #expect(numbers.imbalances(hasEnded: false) == [])
        #expect(answer["balanced"] == true && answer["refused"] == 0)
    }

    /// What a client reads back is what the run has, to the last step of each histogram.
    @Test func numbersComeThroughWhole() throws {
        let talk = try TalkingRun()
        _ = try talk.client().ask("subscribe", ["every": 0.1, "count": 3])
        let numbers = talk.finish().numbers
        let copy = try RunNumbers(JSON(parsing: numbers.json(isWhole: true).text()))
        #expect(copy.links == numbers.links)
        #expect(copy.paths == numbers.paths)
        for (a, b) in zip(copy.stages, numbers.stages) {
            #expect(a.books == b.books && a.wait == b.wait && a.service == b.service && a.sent == b.sent)
            #expect(a.state == b.state && a.isSink == b.isSink && a.isSource == b.isSource)
        }
    }

    @Test func eventsComeInTheirTimeAndEnd() throws {
        let talk = try TalkingRun()
        let client = try talk.client()
        let id = try client.send("subscribe", ["every": 0.1, "count": 3])
        var times: [Double] = []
        var end: JSON?
        while end == nil {
            switch try #require(try client.next(within: .seconds(20))) {
            case .event(let event): times.append(try #require(event["seconds"]?.double))
            case .answer(let of, let value): end = of == id ? value : nil
            }
        }
        #expect(times.count == 3 && times == times.sorted())
        #expect(end?["shed"] == 0)
    }

    @Test func aTapShowsItemsOfALink() throws {
        let talk = try TalkingRun()
        let client = try talk.client()
        try client.send("tap", ["link": "double.changed -> end", "count": 5, "where": "temperature == 7"])
        var seen: [JSON] = []
        var end: JSON?
        while end == nil {
            switch try #require(try client.next(within: .seconds(20))) {
            case .event(let event): seen.append(event)
            case .answer(_, let value): end = value
            }
        }
        #expect(seen.count == 5)
        for event in seen {
            #expect(event["value"]?["twice"] == 14 && event["source"] == "source" && event["type"] == "document")
        }
        let sequences = seen.compactMap { $0["sequence"]?.double }
        #expect(sequences == sequences.sorted() && Set(sequences).count == 5)
        #expect(talk.finish().numbers.imbalances(hasEnded: true) == [])
    }

    /// A client that taps a fast link and reads nothing: what it misses is counted, and the run goes its way.
    @Test func aTapThatNobodyReadsShedsAndSlowsNothing() throws {
        let talk = try TalkingRun(
            """
            pipe: 1
            name: fast
            stages:
              source: { type: generate, count: 200000 }
              end: { type: "null", from: source }
            """
        )
        let client = try talk.client()
        try client.send("tap", ["link": "source.items -> end"])
        #expect(talk.run.wait(until: .seconds(60)))
        let numbers = talk.finish().numbers
        #expect(numbers.imbalances(hasEnded: true) == [] && numbers.stages[1].books.done == 200_000)
    }

    @Test func aWatchCountsWhatItSheds() throws {
        let talk = try TalkingRun(
            """
            pipe: 1
            name: fast
            stages:
              source: { type: generate, count: 10000, rate: 100kHz }
              end: { type: "null", from: source }
            """
        )
        let watch = LinkWatch {}
        #expect(talk.run.add(watch, to: "source.items -> end"))
        #expect(!talk.run.add(watch, to: "nowhere"))
        _ = talk.run.wait(until: .seconds(60))
        let (sightings, counts) = watch.take()
        #expect(sightings.count == counts.kept && counts.kept <= 64)
        #expect(counts.kept + counts.shed == counts.passed && counts.shed > 0)
        #expect(watch.take().sightings.isEmpty)
    }

    @Test func theRunIsSteered() throws {
        let talk = try TalkingRun()
        let client = try talk.client()
        _ = try client.ask("log", ["level": "debug"])
        _ = try client.ask("stations", ["add": ["7"], "remove": ["1", "2"]])
        #expect(throws: ControlClient.Failure.self) { try client.ask("stations", ["add": ["wrong"]]) }
        _ = try client.ask("drain")
        #expect(talk.run.wait(until: .seconds(20)))
        _ = try client.ask("stop")
        #expect(talk.told.all == ["level debug", "add 7", "remove 1", "remove 2", "drain", "stop"])
    }

    @Test func whyAndDrawAnswer() throws {
        let talk = try TalkingRun()
        let client = try talk.client()
        let found = try client.ask("why", ["over": 0.3])
        #expect(found["limit"]?["kind"] == "source" && found["limit"]?["stage"] == "source")
        let drawing = try #require(try client.ask("draw").string)
        #expect(drawing.contains("digraph") && drawing.contains("% busy") && drawing.contains("#c0392b"))
    }

    /// An item of the end of a tap is one that can be asked for.
    @Test func ofAnItemItsWayIsTold() throws {
        let talk = try TalkingRun()
        let client = try talk.client()
        try client.send("tap", ["link": "double.changed -> end", "count": 1])
        var ended = false
        while !ended {
            if case .answer = try #require(try client.next(within: .seconds(20))) { ended = true }
        }
        // A tap sees what is taken; that it was worked on is known at the end of that step.
        let deadline = ContinuousClock.now + .seconds(20)
        var arrived = try? client.ask("item", ["item": "last"])
        while arrived == nil, ContinuousClock.now < deadline { arrived = try? client.ask("item", ["item": "last"]) }
        let last = try #require(arrived)
        let sequence = try #require(last["sequence"]?.double)
        let same = try client.ask("item", ["item": .string("source#\(Int(sequence))")])
        for story in [last, same] {
            guard case .array(let steps)? = story["steps"] else {
                Issue.record("no steps: \(story.text())")
                continue
            }
            #expect(steps.map { $0["stage"] } == ["source", "double", "end"])
            #expect(steps.map { $0["fate"] } == ["passed_on", "passed_on", "arrived"])
            #expect(steps.compactMap { $0["at"]?.double }.max() ?? 60 < 60)
        }
        for (item, part) in [
            ("source#999999999", "nothing is known of"), ("sorce#1", "nothing is known of items of 'sorce'"),
            ("lost", "none of those"), ("source", "is no item"), ("#1", "is no item"), ("source#-1", "is no item"),
        ] {
            let failure = #expect(throws: ControlClient.Failure.self) {
                try client.ask("item", ["item": .string(item)])
            }
            #expect(failure?.message.contains(part) ?? false, "\(item): \(failure?.message ?? "")")
        }
    }

    @Test func wrongRequestsSayWhatIsRight() throws {
        let talk = try TalkingRun()
        let client = try talk.rawClient()
        for (line, words) in [
            ("nonsense", "a request is a JSON object on one line"),
            (#"{"do": 7}"#, "'do' is missing"),
            (#"{"do": "snapshto"}"#, "did you mean 'snapshot'?"),
            (#"{"do": "tap", "link": "source.items -> dobule"}"#, "did you mean 'source.items -> double'?"),
            (#"{"do": "tap", "link": "source.items -> double", "where": "a +"}"#, "'where' cannot be read"),
            (#"{"do": "subscribe", "every": -1}"#, "'every' is a number of seconds from 0.1 to 3600.0"),
            (#"{"do": "log", "level": "loud"}"#, "'level' is one of debug, info, warning, error"),
            (#"{"do": "cancel", "stream": 9}"#, "there is no stream 9"),
        ] {
            client.say(Array("\(line)\n".utf8))
            let answer = client.hear()
            #expect(answer.contains(words), "\(answer)")
        }
    }

    // MARK: Who may

    @Test func overTCPTheTokenIsWanted() throws {
        let talk = try TalkingRun(token: "open sesame", patience: .milliseconds(200))
        let text = try #require(talk.server.address)
        let port = try #require(UInt16(text.split(separator: ":").last ?? ""))
        let address = Address(host: "127.0.0.1", port: port)
        let client = try ControlClient(address, token: "open sesame")
        #expect(try client.ask("snapshot")["graph"] == "talk")
        for token in ["", "open", "open sesame!", "OPEN SESAME"] {
            #expect(throws: ControlClient.Failure.self) { try ControlClient(address, token: token) }
        }
        // One that says nothing is told that its time is over.
        let silent = try ControlTests.connect(port)
        defer { close(silent) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(silent, &buffer, buffer.count, 0)
        #expect(
            String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).contains("the token was not shown in time")
        )
        #expect(recv(silent, &buffer, buffer.count, 0) == 0)
        // The one with the token is served on.
        #expect(try client.ask("snapshot")["graph"] == "talk")
    }

    private static func connect(_ port: UInt16) throws -> Int32 {
        let address = try #require(try SocketAddress.resolve(Address(host: "127.0.0.1", port: port), .stream).first)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(address.withPointer { Glibc.connect(descriptor, $0, address.length) } == 0)
        return descriptor
    }

    // MARK: Anything else

    /// A thousand inputs of chance, many at once, and one line of 100 MB: refused and counted, and the run does not notice.
    @Test func rubbishIsRefusedAndCounted() throws {
        let talk = try TalkingRun()
        var chance = RandomSource(seed: 4)
        let requests = ["snapshot", "subscribe", "tap", "why", "draw", "log", "stations", "cancel", "hello", "help"]
        for _ in 0..<10 {
            var clients: [RawClient] = []
            for _ in 0..<100 {
                let client = try talk.rawClient()
                clients.append(client)
                switch Int.random(in: 0..<5, using: &chance) {
                case 0:  // anything
                    client.say(
                        (0..<Int.random(in: 1...2000, using: &chance)).map { _ in
                            UInt8.random(in: 0...255, using: &chance)
                        }
                    )
                case 1:  // half a line
                    client.say(Array(#"{"do": "snap"#.utf8))
                case 2:  // a request with arguments of chance
                    let verb = requests.randomElement(using: &chance) ?? ""
                    let values = ["null", "-1", "1e400", "\"x\"", "[]", "{}", "true", "[1,2]", "\"\\u0000\""]
                    let names = ["link", "count", "every", "where", "over", "add", "level", "stream", "id", "format"]
                    let members = names.map { "\"\($0)\":\(values.randomElement(using: &chance) ?? "")" }
                    client.say(Array("{\"do\":\"\(verb)\",\(members.joined(separator: ","))}\n".utf8))
                case 3:  // many requests whose answers nobody reads
                    client.say(Array(String(repeating: "{\"do\":\"nothing\"}\n", count: 200).utf8))
                default:  // deep nesting
                    client.say(Array(String(repeating: "[", count: 60_000).utf8) + [UInt8(ascii: "\n")])
                }
            }
        }
        // 500 at once: those beyond the limit are told so. Which these are depends on when those before are found to be gone.
        var crowd = try (0..<500).map { _ in try talk.rawClient() }
        #expect(RawClient.firstTold(of: crowd)?.hear().contains("64 clients talk to this run already") ?? false)
        crowd = []
        let large = try waitForPlace(talk)
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<100 where !large.say(chunk) { break }
        #expect(large.hear(untilLine: true).contains("a line is longer than 64 KiB"))

        let client = try waitForClient(talk)
        guard case .integer(let refused)? = try client.ask("snapshot")["refused"] else {
            Issue.record("no count")
            return
        }
        #expect(refused > 500)
        let numbers = talk.finish().numbers
        #expect(numbers.imbalances(hasEnded: true) == [])
        let source = numbers.stages[0].books.made
        #expect(source > 0 && numbers.stages[2].books.done == source)
        #expect(talk.told.all.isEmpty || Set(talk.told.all).isSubset(of: ["add x"]))
    }

    /// Clients that went are noticed in the server's own time: until then the places are taken.
    private func waitForClient(_ talk: TalkingRun) throws -> ControlClient {
        while true {
            let client = try talk.client()
            if (try? client.ask("hello")) != nil { return client }
        }
    }

    private func waitForPlace(_ talk: TalkingRun) throws -> RawClient {
        while true {
            let client = try talk.rawClient()
            client.say(Array("{\"do\":\"help\"}\n".utf8))
            if client.hear().contains("snapshot") { return client }
        }
    }
}
