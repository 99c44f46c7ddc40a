import Basics
import Camera
import Ions
import Mef
import Packets
import PipeKit
import Web

/// The plugins of this program: the one list. `docs/stages`, the schema and completion come from it.
let pipePlugins: [Plugin] = [
    .basics, .camera, .ions, .mef, .packets, .web,
]

let pipeCatalogue = Catalogue(pipePlugins)
