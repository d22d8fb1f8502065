//! Zip archives by `torch.save`, and the architecture of their tensors.

#![no_main]

use figureground::import::architecture::{Architecture, ArchitectureOptions};
use figureground::import::checkpoint::Checkpoint;
use figureground::import::layout::Weights;
use figureground::import::state_dicts::StateDicts;
use figureground::import::tower::Activation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(dicts) = StateDicts::parse(bytes) else { return };
    let Ok(weights) = Weights::new(dicts.weights) else { return };
    let options = ArchitectureOptions { activation: Activation::QuickGelu, vision_heads: None, text_heads: None };
    let Ok(architecture) = Architecture::from_shapes(&weights, &weights, options) else { return };
    if let Ok(checkpoint) = Checkpoint::new(weights, None, &architecture) {
        for name in architecture.tensors().keys() {
            let _ = checkpoint.tensor(name);
        }
    }
});
