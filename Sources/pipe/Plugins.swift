import Basics
import Camera
import Ions
import Mef
import Packets
import PipeKit

/// The plugins of this program: the one list. `docs/stages`, the schema and completion come from it.
let pipePlugins: [Plugin] = [
    .basics, .camera, .ions, .mef, .packets,
]

let pipeCatalogue = Catalogue(pipePlugins)
