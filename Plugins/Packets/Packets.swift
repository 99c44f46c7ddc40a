public import PipeKit

extension Plugin {
    /// Packets over TCP, UDP and unix sockets: servers, clients, load and books.
    public static let packets = Plugin(
        "Packets",
        "Packets over TCP, UDP and unix sockets: servers, clients, load and books.",
        stages: [
            PacketSource.self, PacketStats.self, TCPPacketSink.self, TCPPackets.self, UDPPackets.self, UnixPackets.self,
        ]
    )
}
