import Basics
import Ions
import PipeKit

/// The plugins of this program: the one list. `docs/stages`, the schema and completion come from it.
let pipePlugins: [Plugin] = [
    .basics, .ions,
]

let pipeCatalogue = Catalogue(pipePlugins)
