public import PipeKit

extension Plugin {
    /// Trapped ions in pictures: where they are, how they move, and pictures that say so.
    public static let ions = Plugin(
        "Ions",
        "Trapped ions in pictures of a camera: finding, fitting, labelling, tables.",
        stages: [IonFitterStage.self, IonLabels.self, IonCSVFile.self]
    )
}
