import Mef3
import Testing

/// Every fixture, decoded and compared with hashes that two other decoders agree on.
struct FixtureTests {
    @Test(arguments: Fixture.all, [Reading.strict, .salvage])
    func `a sound session reads bit for bit`(fixture: Fixture, reading: Reading) throws {
        let session = try MefSession(path: fixture.fullPath, password: fixture.openWith, reading: reading)
        #expect(session.channels.map(\.name) == fixture.channels.map(\.name))
        #expect(session.videoChannels == fixture.videoChannels)
        #expect(session.damage.isEmpty)
        for expected in fixture.channels {
            let channel = try session.channel(expected.name)
            #expect(channel.sampleCount == expected.samples)
            #expect(channel.metadata.samplingFrequency == expected.rate)
            #expect(channel.metadata.conversionFactor == expected.factor)
            #expect(channel.metadata.units == expected.units)
            #expect(channel.start == expected.start, "\(expected.name)")
            #expect(channel.end == expected.end, "\(expected.name)")
            let answer = try channel.counts(0..<channel.sampleCount)
            #expect(answer.damage.isEmpty)
            #expect(sha256(answer.values) == expected.sha256, "\(expected.name)")
            for segment in expected.segments {
                let numbers = try #require(channel.samples(ofSegment: segment.name))
                #expect(numbers == segment.first..<segment.first + segment.samples)
                #expect(sha256(Array(answer.values[numbers])) == segment.sha256)
                #expect(sha256(try channel.counts(numbers).values) == segment.sha256)
            }
        }
    }

    @Test(arguments: Fixture.all)
    func `a window of time has its samples at their rounded positions`(fixture: Fixture) throws {
        let session = try MefSession(path: fixture.fullPath, password: fixture.openWith)
        for expected in fixture.channels {
            let channel = try session.channel(expected.name)
            for window in expected.windows {
                let counts = try channel.counts(from: window.t0, to: window.t1).values
                #expect(counts.count == window.samples)
                #expect(sha256(counts) == window.sha256, "\(expected.name) \(window.t0)..<\(window.t1)")
                let values = try channel.values(from: window.t0, to: window.t1).values
                #expect(values.count { $0.isNaN } == window.missing)
                for (value, count) in zip(values, counts) where count != .min {
                    guard value == Double(count) * expected.factor else {
                        Issue.record("\(value) is not \(count) times \(expected.factor)")
                        break
                    }
                }
            }
        }
    }

    @Test(arguments: Fixture.all)
    func `values are in units and discontinuities where they were marked`(fixture: Fixture) throws {
        let session = try MefSession(path: fixture.fullPath, password: fixture.openWith)
        for expected in fixture.channels {
            let channel = try session.channel(expected.name)
            for part in expected.physical {
                let values = try channel.values(part.first..<part.first + part.values.count).values
                #expect(values.map { $0.isNaN ? nil : $0 } == part.values)
            }
            let marked = channel.blocks.filter(\.isMarkedDiscontinuous)
            if let places = expected.discontinuities {
                #expect(marked.map { [Int64($0.samples.lowerBound), $0.start ?? 0] } == places)
            }
            for block in channel.blocks { #expect(channel.time(ofSample: block.samples.lowerBound) == block.start) }
        }
    }

    @Test(arguments: ExpectedRows.all)
    func `rows for a server have the same bits`(expected: ExpectedRows) throws {
        let session = try MefSession(path: Fixture.directory + expected.path)
        #expect(session.start == expected.start)
        #expect(session.end == expected.end)
        #expect(session.channels.map(\.name) == expected.names)
        for window in expected.windows {
            for (index, name) in window.channels.enumerated() {
                let row = try session.channel(name).values(from: window.t0, to: window.t1).values
                #expect(row.count == window.samples)
                #expect(row.count { $0.isNaN } == window.missing[index])
                #expect(sha256(row).hasPrefix(window.sha256[index]), "\(name) \(window.t0)..<\(window.t1)")
            }
        }
    }
}
