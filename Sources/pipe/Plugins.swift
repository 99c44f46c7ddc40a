import Basics
import Packets
import PipeKit

/// The plugins of this program: the one list. `docs/stages`, the schema and completion come from it.
let pipePlugins: [Plugin] = [
    .basics, .packets,
]

let pipeCatalogue = Catalogue(pipePlugins)
