import PipeCore
import PipeKit

/// TLS of a server.
struct TLSServerOptions: OptionBlock {
    @Option("The server's certificate, and those between it and its authority; PEM.") var certificate: InputFile
    @Option("The certificate's key; PEM.") var key: InputFile
    @Option("Only clients with a certificate of this authority are let in; PEM.") var clientCa: InputFile?

    func context() throws -> TLSContext {
        try TLSContext(
            certificate: certificate.path.absolute,
            key: key.path.absolute,
            clientCA: clientCa?.path.absolute
        )
    }
}

/// TLS of a client.
struct TLSClientOptions: OptionBlock {
    @Option("The authority that the server's certificate is of; PEM. Without it, those that the system trusts.")
    var ca: InputFile?
    @Option("The name in the server's certificate, where it is not that of 'address'.") var name: String?
    @Option("The client's own certificate, where the server wants one; PEM.") var certificate: InputFile?
    @Option("Its key; PEM.") var key: InputFile?

    func check(_ report: inout Diagnostics) {
        if (certificate == nil) != (key == nil) {
            report.error(
                .missingKey,
                at: certificate == nil ? $key : $certificate,
                "a certificate and its key are of use only together",
                hint: "state both"
            )
        }
    }

    func context() throws -> TLSContext {
        try TLSContext(
            ca: ca?.path.absolute,
            certificate: certificate?.path.absolute,
            key: key?.path.absolute
        )
    }
}
