/// A note of a session, a channel or a segment: something that happened at a time.
public struct MefRecord: Sendable, Hashable {
    /// Four letters that say how to read the body, such as `Note` or `Seiz`.
    public var type: String
    /// Version of the type.
    public var version: (major: UInt8, minor: UInt8) { (UInt8(truncatingIfNeeded: packed >> 8), UInt8(packed & 0xFF)) }
    /// True time in microseconds since 1970; `nil` when there is none.
    public var time: Int64?
    /// Level of protection as stored: 1 or 2 when the body is encrypted, otherwise 0 or below.
    public var level: Int8
    /// What it says.
    public var body: RecordBody

    private var packed: UInt16 = 0x0100

    /// A record that is not encrypted.
    public init(time: Int64, body: RecordBody) {
        self.init(type: body.type, version: 0x0100, time: time, level: 0, body: body)
    }

    init(type: String, version: UInt16, time: Int64?, level: Int8, body: RecordBody) {
        self.type = type
        self.time = time
        self.level = level
        self.body = body
        packed = version
    }
}

/// What a record says, by its type.
public enum RecordBody: Sendable, Hashable {
    /// A note of a person.
    case note(String)
    /// A line of a system's log.
    case systemLog(String)
    /// An annotation as in EDF files: duration in microseconds, and text.
    case annotation(duration: Int64, text: String)
    /// A line-noise template: samples of one period.
    case lineNoise([Int64])
    /// A cognitive stimulation.
    case cognitiveStimulus(CognitiveStimulus)
    /// An electrical stimulation.
    case electricalStimulus(ElectricalStimulus)
    /// A seizure.
    case seizure(Seizure)
    /// A cursor somebody set.
    case cursor(Cursor)
    /// A labelled span of time.
    case epoch(Epoch)
    /// The bytes of a type that is not known here, or whose bytes do not fit it.
    case raw(type: String, [UInt8])
    /// Encrypted at a level the password does not open.
    case locked(level: Int)

    /// A cognitive stimulation.
    public struct CognitiveStimulus: Sendable, Hashable {
        public var taskType: String
        /// In microseconds.
        public var duration: Int64
        public var stimulusType: String
        public var response: String
    }

    /// An electrical stimulation.
    public struct ElectricalStimulus: Sendable, Hashable {
        public var amplitude: Double
        /// In Hz.
        public var frequency: Double
        /// In microseconds.
        public var pulseWidth: Int64
        /// 1 for mA, 2 for V.
        public var amplitudeUnit: Int32
        /// 1 for current, 2 for voltage.
        public var mode: Int32
        public var waveform: String
        public var anode: String
        public var cathode: String
    }

    /// A seizure; times are microseconds since 1970.
    public struct Seizure: Sendable, Hashable {
        /// What one channel saw of it.
        public struct Channel: Sendable, Hashable {
            public var name: String
            public var onset: Int64
            public var offset: Int64
        }

        public var earliestOnset: Int64
        public var latestOffset: Int64
        public var duration: Int64
        /// -1 none, 0 unknown, 1 focal, 2 generalised, 3 propagated, 4 mixed.
        public var onsetCode: Int32
        public var marker1: String
        public var marker2: String
        public var annotation: String
        public var channels: [Channel]
    }

    /// A cursor somebody set.
    public struct Cursor: Sendable, Hashable {
        public var id: Int64
        public var traceTime: Int64
        public var latency: Int64
        public var value: Double
        public var name: String
    }

    /// A labelled span of time.
    public struct Epoch: Sendable, Hashable {
        public var id: Int64
        public var start: Int64
        public var end: Int64
        public var duration: Int64
        public var epochType: String
        public var text: String
    }

    /// Four letters of the format; empty when they are not known.
    var type: String {
        switch self {
        case .note: "Note"
        case .systemLog: "SyLg"
        case .annotation: "EDFA"
        case .lineNoise: "LNTP"
        case .cognitiveStimulus: "CSti"
        case .electricalStimulus: "ESti"
        case .seizure: "Seiz"
        case .cursor: "Curs"
        case .epoch: "Epoc"
        case .raw(let type, _): type
        case .locked: ""
        }
    }
}
