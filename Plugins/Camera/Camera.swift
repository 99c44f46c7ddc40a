public import PipeKit

extension Plugin {
    /// Pictures of cameras: from sockets and files, recorded on command, decoded, encoded and kept.
    public static let camera = Plugin(
        "Camera",
        "Pictures of cameras: from sockets and files, recorded on command, decoded, encoded and kept.",
        stages: [
            CameraCommands.self, CameraSimulator.self, CameraTCP.self, ImageArchive.self, ImageFiles.self,
            JPEGDecode.self, JPEGEncode.self,
        ]
    )
}
