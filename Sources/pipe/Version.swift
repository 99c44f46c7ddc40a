/// The version of this program, as CHANGELOG.md counts it.
let pipeVersion = "0.1.0"
