/// A note of a session, a channel or a segment: something that happened at a time.
public struct MefRecord: Sendable, Hashable {
    /// Four letters that say how to read the body, such as `Note` or `Seiz`.
    public var type: String
    /// Version of the type, 1.0 for all that are known.
    public var version: Version
    /// True time in microseconds since 1970; `nil` when there is none.
    public var time: Int64?
    /// Level of protection as stored: 1 or 2 when the body is encrypted, otherwise 0 or below.
    public var level: Int8
    /// What it says.
    public var body: RecordBody

    /// Version of a record type.
    public struct Version: Sendable, Hashable {
        /// Changes when older readers cannot read it.
        public var major: UInt8 = 1
        /// Changes when they can.
        public var minor: UInt8 = 0
    }

    /// A record to be written; it is encrypted when its `level` is raised to 1 or 2.
    public init(time: Int64, body: RecordBody) {
        self.init(type: body.type, version: Version(), time: time, level: 0, body: body)
    }

    init(type: String, version: Version, time: Int64?, level: Int8, body: RecordBody) {
        self.type = type
        self.version = version
        self.time = time
        self.level = level
        self.body = body
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
        /// What the subject was asked to do.
        public var taskType: String
        /// In microseconds.
        public var duration: Int64
        /// What was shown or played.
        public var stimulusType: String
        /// What the subject answered.
        public var response: String
    }

    /// An electrical stimulation.
    public struct ElectricalStimulus: Sendable, Hashable {
        /// In the unit that `amplitudeUnit` names.
        public var amplitude: Double
        /// In Hz.
        public var frequency: Double
        /// In microseconds.
        public var pulseWidth: Int64
        /// 1 for mA, 2 for V.
        public var amplitudeUnit: Int32
        /// 1 for current, 2 for voltage.
        public var mode: Int32
        /// Shape of a pulse.
        public var waveform: String
        /// Electrode the current enters by.
        public var anode: String
        /// Electrode the current leaves by.
        public var cathode: String
    }

    /// A seizure; times are microseconds since 1970.
    public struct Seizure: Sendable, Hashable {
        /// What one channel saw of it.
        public struct Channel: Sendable, Hashable {
            /// Name of the channel.
            public var name: String
            /// When it begins there.
            public var onset: Int64
            /// When it ends there.
            public var offset: Int64
        }

        /// When the first channel saw it begin.
        public var earliestOnset: Int64
        /// When the last channel saw it end.
        public var latestOffset: Int64
        /// In microseconds.
        public var duration: Int64
        /// -1 none, 0 unknown, 1 focal, 2 generalised, 3 propagated, 4 mixed.
        public var onsetCode: Int32
        /// Name of the first marker.
        public var marker1: String
        /// Name of the second marker.
        public var marker2: String
        /// Free text.
        public var annotation: String
        /// What each channel saw.
        public var channels: [Channel]
    }

    /// A cursor somebody set.
    public struct Cursor: Sendable, Hashable {
        /// Number that tells it from others.
        public var id: Int64
        /// Time of the trace it stands on.
        public var traceTime: Int64
        /// In microseconds.
        public var latency: Int64
        /// Height of the trace there.
        public var value: Double
        /// What it marks.
        public var name: String
    }

    /// A labelled span of time.
    public struct Epoch: Sendable, Hashable {
        /// Number that tells it from others.
        public var id: Int64
        /// When it begins.
        public var start: Int64
        /// When it ends.
        public var end: Int64
        /// In microseconds.
        public var duration: Int64
        /// Kind of span, such as a sleep stage.
        public var epochType: String
        /// Free text.
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
