import CIonFit

/// Finds the ions of a frame and fits all of them together: the most likely positions, widths, amplitudes and lights under
/// the noise of the camera, with the errors that this likelihood has.
///
/// Memory is taken for the size of a frame once and used again; a fitter belongs to one thread at a time.
public final class IonFitter {
    /// What counts mean: as it was stated, or as the last frame shows it.
    public private(set) var camera: CameraModel
    /// Nobody has stated the camera: noise and gain come from each frame by itself, so that a frame tells the same in any order.
    public let isCameraEstimated: Bool
    public let limits: FitLimits
    /// The ions of the last frame, from the top left.
    public private(set) var ions: [Ion] = []
    /// Clipped pixels of the last frame.
    public private(set) var clippedPixels = 0

    private var frame: FitFrame?

    public init(camera: CameraModel?, limits: FitLimits = FitLimits()) {
        self.camera = camera ?? CameraModel()
        isCameraEstimated = camera == nil
        self.limits = limits
        ions.reserveCapacity(limits.ions)
    }

    /// Fits the ions of a picture into `ions`.
    public func fit(_ picture: Picture) {
        if frame == nil || frame?.columns != picture.columns || frame?.rows != picture.rows {
            let stated = isCameraEstimated ? nil : camera
            frame = FitFrame(columns: picture.columns, rows: picture.rows, camera: stated, limits: limits)
        }
        guard let frame else { return }
        frame.fit(picture, into: &ions)
        (clippedPixels, camera) = (frame.clipped, frame.camera)
    }
}
