public import PipeKit

extension Plugin {
    /// EEG recordings: reads, writes, serves and filters MEF 3 sessions.
    public static let mef = Plugin(
        "Mef",
        "EEG recordings: reads, writes, serves and filters MEF 3 sessions.",
        stages: [
            Bandpass.self, CSVFile.self, EDFFile.self, Envelope.self, MefReader.self, MefServing.self, MefWriter.self,
            Notch.self, Resample.self,
        ]
    )
}
