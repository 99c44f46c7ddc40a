import IonFit
import PipeKit

/// `camera: { offset: 500, gain: 12, read: 8, excess: 2 }`: what a count means. Where only a part is stated, the rest is that of
/// a camera that counts photons; where nothing is, the noise of each frame tells it.
struct CameraOptions: OptionBlock {
    @Option("Counts of a pixel without light.", in: 0...65_535) var offset = 0.0
    @Option("Counts that a photon makes on average.", in: 1e-3...1e5) var gain = 1.0
    @Option("Noise of reading a pixel out, in counts (rms).", in: 0...65_535) var read = 0.0
    @Option("From this count on a pixel is clipped; the largest of the depth, where nothing is stated.", in: 1...65_535)
    var saturation: Int?
    @Option("By how much electron multiplication raises the variance of light: 2, or 1 without.", in: 1...4)
    var excess = 1.0

    var model: CameraModel {
        CameraModel(offset: offset, gain: gain, read: read, saturation: saturation, excess: excess)
    }
}
