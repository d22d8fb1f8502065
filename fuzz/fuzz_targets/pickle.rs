//! The pickles of `torch.save` and TorchScript: whatever is taken has its values where it says.

#![no_main]

use figureground::bundle::import::pickle::{Namespace, Pickle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for namespace in [Namespace::StateDict, Namespace::TorchScript] {
        if let Ok(pickle) = Pickle::parse(bytes, namespace) {
            for (_, id) in pickle.named(pickle.root()) {
                let _ = pickle.value(id);
            }
        }
    }
});
