import Testing

@testable import Mef3

/// What a password opens, and what it says when it does not.
struct AccessTests {
    @Test(
        arguments: ["encrypted", "encrypted_l1_only", "encrypted_blocks", "records_encrypted"],
        [Reading.strict, .salvage]
    )
    func `a protected session refuses no password and wrong ones alike`(name: String, reading: Reading) throws {
        let path = Fixture.named(name).fullPath
        func code(_ password: String?) -> MefError.Code? {
            do throws(MefError) {
                _ = try MefSession(path: path, password: password, reading: reading)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(nil) == .locked)
        for wrong in ["wrong", "", "LEVEL1", "level1 ", "a password far too long"] {
            #expect(code(wrong) == .wrongPassword)
        }
    }

    @Test func `the second password opens everything and the first leaves the subject locked`() throws {
        let fixture = Fixture.named("encrypted")
        let all = try MefSession(path: fixture.fullPath, password: fixture.level2)
        #expect(all.accessLevel == 2)
        let subject = try #require(all.channels[0].subject)
        #expect([subject.subjectName1, subject.subjectName2] == ["First", "Last"])
        #expect([subject.subjectID, subject.recordingLocation] == ["S-001", "Lab 1"])
        #expect(subject.recordingTimeOffset == 0)
        #expect(subject.gmtOffset == -21600)

        let some = try MefSession(path: fixture.fullPath, password: fixture.level1)
        #expect(some.accessLevel == 1)
        for expected in fixture.channels {
            let channel = try some.channel(expected.name)
            #expect(channel.subject == nil)
            #expect(channel.timesAreRelative)
            #expect(sha256(try channel.counts(0..<channel.sampleCount).values) == expected.sha256)
        }
    }

    @Test(arguments: [Reading.strict, .salvage])
    func `a block above the password's level is locked and no other`(reading: Reading) throws {
        let fixture = Fixture.named("encrypted_blocks")
        let session = try MefSession(path: fixture.fullPath, password: fixture.level1, reading: reading)
        for expected in fixture.channels {
            let channel = try session.channel(expected.name)
            let readable = fixture.readableWithLevel1?.contains(expected.name) ?? false
            do throws(MefError) {
                let answer = try channel.counts(0..<channel.sampleCount)
                #expect(readable)
                #expect(sha256(answer.values) == expected.sha256)
            } catch {
                #expect(!readable)
                #expect(error.code == .locked)
                #expect(error.place?.block == 0)
            }
        }
    }

    @Test(arguments: ["records", "records_encrypted"])
    func `records come with type, time and body`(name: String) throws {
        let fixture = Fixture.named(name)
        let session = try MefSession(path: fixture.fullPath, password: fixture.openWith)
        for expected in fixture.records {
            let records = try Self.records(session, expected)
            let record = try #require(records.first { $0.time == expected.time && $0.type == expected.type })
            #expect(Int(record.level) == expected.encryption)
            switch record.body {
            case .note(let text), .systemLog(let text): #expect(text == expected.text)
            case .annotation(let duration, let text):
                #expect(text == expected.text)
                #expect(duration == expected.duration)
            case .lineNoise(let template): #expect(template == [-7, -4, -1, 2, 5, 8, 11, 14, 17, 20])
            case .cognitiveStimulus(let body): #expect([body.taskType, body.response] == ["recall", "yes"])
            case .electricalStimulus(let body):
                #expect(body.amplitude == 2.5 && body.frequency == 130 && body.cathode == "E2")
            case .seizure(let body): #expect(body.channels.map(\.name) == ["r1", "r2"] && body.annotation == "sz")
            case .cursor(let body): #expect(body.id == 7 && body.value == -1.5 && body.name == "peak")
            case .epoch(let body): #expect(body.duration == expected.duration && body.text == "eyes closed")
            case .raw, .locked: Issue.record("\(record) was not understood")
            }
        }
    }

    @Test func `a record above the password's level keeps its type and time`() throws {
        let fixture = Fixture.named("records_encrypted")
        let session = try MefSession(path: fixture.fullPath, password: fixture.level1)
        let records = try session.records().records
        #expect(records.map(\.type) == ["Note", "Note", "EDFA"])
        #expect(records.map(\.body).last == .locked(level: 2))
        #expect(records.map(\.time) == fixture.records.map(\.time))
    }

    private static func records(_ session: MefSession, _ expected: ExpectedRecord) throws -> [MefRecord] {
        guard let name = expected.channel else { return try session.records().records }
        let channel = try session.channel(name)
        guard expected.segment != nil else { return try session.records(of: channel).records }
        return try session.records(of: channel, segment: name + "-000000").records
    }
}
