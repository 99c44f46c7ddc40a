extension RecordBody {
    /// Reads a body; one that is too short for its type stays raw.
    init(type: String, _ bytes: [UInt8]) {
        self = Self.known(type, bytes.span.bytes) ?? .raw(type: type, bytes)
    }

    private static func known(_ type: String, _ bytes: RawSpan) -> RecordBody? {
        let count = bytes.byteCount
        switch type {
        case "Note": return .note(bytes.text(0, count))
        case "SyLg": return .systemLog(bytes.text(0, count))
        case "EDFA" where count >= 8:
            return .annotation(duration: bytes.integer(0), text: bytes.text(8, count - 8))
        case "LNTP" where count >= 8: return lineNoise(bytes)
        case "CSti" where count >= 200:
            return .cognitiveStimulus(
                CognitiveStimulus(
                    taskType: bytes.text(0, 64),
                    duration: bytes.integer(64),
                    stimulusType: bytes.text(72, 64),
                    response: bytes.text(136, 64)
                )
            )
        case "ESti" where count >= 416:
            return .electricalStimulus(
                ElectricalStimulus(
                    amplitude: bytes.double(0),
                    frequency: bytes.double(8),
                    pulseWidth: bytes.integer(16),
                    amplitudeUnit: bytes.integer(24),
                    mode: bytes.integer(28),
                    waveform: bytes.text(32, 128),
                    anode: bytes.text(160, 128),
                    cathode: bytes.text(288, 128)
                )
            )
        case "Seiz" where count >= 1312: return seizure(bytes)
        case "Curs" where count >= 160:
            return .cursor(
                Cursor(
                    id: bytes.integer(0),
                    traceTime: bytes.integer(8),
                    latency: bytes.integer(16),
                    value: bytes.double(24),
                    name: bytes.text(32, 128)
                )
            )
        case "Epoc" where count >= 192:
            return .epoch(
                Epoch(
                    id: bytes.integer(0),
                    start: bytes.integer(8),
                    end: bytes.integer(16),
                    duration: bytes.integer(24),
                    epochType: bytes.text(32, 32),
                    text: bytes.text(64, 128)
                )
            )
        default: return nil
        }
    }

    private static func lineNoise(_ bytes: RawSpan) -> RecordBody? {
        let length: Int64 = bytes.integer(0)
        guard length >= 0, length <= (bytes.byteCount - 8) / 4 else { return nil }
        // pymef writes eight bytes an element where the format has four.
        let isWide = bytes.byteCount - 8 >= 8 * Int(length)
        return .lineNoise(
            (0..<Int(length)).map { index in
                isWide ? bytes.integer(8 + 8 * index) : Int64(bytes.integer(8 + 4 * index) as Int32)
            }
        )
    }

    private static func seizure(_ bytes: RawSpan) -> RecordBody? {
        let count: Int32 = bytes.integer(24)
        guard count >= 0, Int(count) <= (bytes.byteCount - 1312) / 272 else { return nil }
        return .seizure(
            Seizure(
                earliestOnset: bytes.integer(0),
                latestOffset: bytes.integer(8),
                duration: bytes.integer(16),
                onsetCode: bytes.integer(28),
                marker1: bytes.text(32, 128),
                marker2: bytes.text(160, 128),
                annotation: bytes.text(288, 1024),
                channels: (0..<Int(count)).map { index in
                    let base = 1312 + 272 * index
                    return Seizure.Channel(
                        name: bytes.text(base, 256),
                        onset: bytes.integer(base + 256),
                        offset: bytes.integer(base + 264)
                    )
                }
            )
        )
    }

    /// The body's bytes without padding. Only texts and raw bodies are written; the other types are read.
    func bytes() throws(MefError) -> [UInt8] {
        switch self {
        case .note(let text), .systemLog(let text): return Array(text.utf8) + [0]
        case .annotation(let duration, let text):
            var bytes = [UInt8](repeating: 0, count: 8)
            bytes.put(duration, at: 0)
            return bytes + Array(text.utf8) + [0]
        case .raw(_, let bytes): return bytes
        default: throw MefError(.unsupported, "records of type '\(type)' are not written, give their bytes as 'raw'")
        }
    }
}
