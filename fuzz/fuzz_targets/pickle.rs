//! Pickles of `torch.save` and TorchScript: every value of a pickle that parses can be read.

#![no_main]

use figureground::import::pickle::{Namespace, Pickle};
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
