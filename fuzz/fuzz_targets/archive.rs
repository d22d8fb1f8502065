//! The zip archives of `torch.save`, and the architecture that their tensors speak of.

#![no_main]

use figureground::bundle::import::architecture::{Architecture, Unshaped};
use figureground::bundle::import::checkpoint::Checkpoint;
use figureground::bundle::import::layout::Weights;
use figureground::bundle::import::state_dicts::StateDicts;
use figureground::bundle::import::tower::Activation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(dicts) = StateDicts::parse(bytes) else { return };
    let Ok(weights) = Weights::new(dicts.weights) else { return };
    let unshaped = Unshaped { activation: Activation::QuickGelu, vision_heads: None, text_heads: None };
    let Ok(architecture) = Architecture::from_shapes(&weights, &weights, unshaped) else { return };
    if let Ok(checkpoint) = Checkpoint::new(weights, None, &architecture) {
        for name in architecture.tensors().keys() {
            let _ = checkpoint.tensor(name);
        }
    }
});
