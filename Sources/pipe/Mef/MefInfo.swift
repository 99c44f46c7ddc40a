import Glibc
import Mef3
import PipeCore
import PipeGraph
import PipeKit

/// What a session holds, as a table or as JSON.
struct MefInfo {
    private struct Channel {
        var name: String
        var metadata: ChannelMetadata
        var samples: Int
        var start: Int64?
        var end: Int64?
        var gaps: Int
        var segments: Int
        var blocks: Int
    }

    private let session: MefSession
    private let channels: [Channel]

    init(_ session: MefSession) {
        self.session = session
        channels = session.channels.map { channel in
            let blocks = channel.blocks
            return Channel(
                name: channel.name,
                metadata: channel.metadata,
                samples: channel.sampleCount,
                start: channel.start,
                end: channel.end,
                gaps: Self.gaps(blocks, rate: channel.metadata.samplingFrequency),
                segments: channel.segmentNames.count,
                blocks: blocks.count
            )
        }
    }

    /// Where a block does not begin when the one before has ended, within half a period.
    private static func gaps(_ blocks: [BlockSpan], rate: Double) -> Int {
        zip(blocks, blocks.dropFirst()).count { one, next in
            guard let start = one.start, let following = next.start else { return true }
            let end = Double(start) + Double(one.samples.count) / rate * 1e6
            return abs(Double(following) - end) >= 0.5e6 / rate
        }
    }

    var json: JSON {
        .compact([
            "session": .string(session.name), "access_level": .integer(session.accessLevel),
            "start": session.start.map { .integer(Int($0)) }, "end": session.end.map { .integer(Int($0)) },
            "subject": session.channels.first?.subject.map { .string($0.subjectID) },
            "video_channels": .strings(session.videoChannels),
            "channels": .array(
                channels.map { channel in
                    .compact([
                        "name": .string(channel.name), "rate": .number(channel.metadata.samplingFrequency),
                        "unit": .string(channel.metadata.units), "step": .number(channel.metadata.conversionFactor),
                        "samples": .integer(channel.samples), "start": channel.start.map { .integer(Int($0)) },
                        "end": channel.end.map { .integer(Int($0)) }, "gaps": .integer(channel.gaps),
                        "segments": .integer(channel.segments), "blocks": .integer(channel.blocks),
                    ])
                }
            ),
            "damage": .strings(session.damage.map(\.error.description)),
        ])
    }

    var text: String {
        var rows = [["CHANNEL", "RATE", "STEP", "SAMPLES", "START", "LENGTH", "GAPS", "SEGMENTS", "BLOCKS"]]
        for channel in channels {
            let length = channel.start.flatMap { start in channel.end.map { Duration.microseconds($0 - start) } }
            rows.append([
                channel.name, "\(shortest(channel.metadata.samplingFrequency)) Hz",
                "\(shortest(channel.metadata.conversionFactor)) \(channel.metadata.units)", grouped(channel.samples),
                channel.start.map(utcText) ?? "·", length?.short ?? "·", "\(channel.gaps)", "\(channel.segments)",
                grouped(channel.blocks),
            ])
        }
        var lines = [aligned(rows, textColumns: 1)]
        if !session.videoChannels.isEmpty { lines.append("video: \(session.videoChannels.joined(separator: ", "))") }
        if session.accessLevel == 1 {
            lines.append("opened at level 1: the subject is locked, and times may be shifted")
        }
        lines += session.damage.map { "damaged: \($0.error)" }
        return lines.joined(separator: "\n")
    }
}

/// A time as a date in UTC, to the millisecond.
func utcText(_ microseconds: Int64) -> String {
    var seconds = Int(microseconds / 1_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 32)
    strftime(&text, text.count, "%Y-%m-%d %H:%M:%S", &parts)
    let part = String(Int(microseconds % 1_000_000) / 1000 + 1000)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        + ".\(part.dropFirst())"
}
