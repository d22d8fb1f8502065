//! The encoders of a pair over many pictures and texts, in encoder on all cores, with the gradients of one whole graph.
//!
//! Each shard keeps a graph of its own over a replica of the pair. The loss sees the encoder' embeddings as leaves; the
//! gradients it gives them go back through the encoder. One thread a shard is twice as fast as all threads in each
//! product, because everything between the products then runs on all cores too.

use crate::pair::{ClipPair, Prompts, Sizes};
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use figureground::{Error, Result, Stage};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// What one shard encodes.
#[derive(Clone, Debug)]
pub enum Input {
    /// Patches of `n` pictures, `[n, patches, 3 * patch * patch]`.
    Pictures(Vec<f32>),
    /// Texts.
    Texts(Prompts),
}

/// One shard after its forward pass.
#[derive(Debug)]
pub struct Encoded {
    replica: ClipPair,
    /// The patches, a leaf of the graph.
    patches: Option<Tensor<3>>,
    embeds: Tensor<2>,
}

impl Encoded {
    /// Embeddings [n, dimension], outside the shard's graph.
    pub fn embeds(&self) -> Tensor<2> {
        self.embeds.clone().inner()
    }
}

/// Threads that encode encoder.
#[derive(Debug)]
pub struct ParallelEncoder {
    pools: Vec<ThreadPool>,
    device: Device,
    sizes: Sizes,
    /// The most pictures or texts of a shard: as many as keep their activations in the cache.
    most: usize,
}

impl ParallelEncoder {
    /// `threads` threads on `device`, encoder of at most `most` pictures.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(threads: usize, most: usize, device: &Device, sizes: &Sizes) -> Result<Self> {
        let pool = |_| ThreadPoolBuilder::new().num_threads(1).build();
        let pools: std::result::Result<_, _> = (0..threads.max(1)).map(pool).collect();
        let pools = pools.map_err(|e| Error::new(Stage::Training, "threads", e, "pass fewer --threads"))?;
        Ok(Self { pools, device: device.clone(), sizes: *sizes, most })
    }

    /// Cuts the patches of many pictures into encoder.
    pub fn pictures(&self, patches: &[f32]) -> Vec<Input> {
        let len = self.sizes.patches() * self.sizes.patch_values();
        let n = patches.len() / len;
        let encoder = n.div_ceil(self.most).next_multiple_of(self.pools.len()).max(1);
        patches.chunks(n.div_ceil(encoder).max(1) * len).map(|shard| Input::Pictures(shard.to_vec())).collect()
    }

    /// Cuts prompts into encoder, which keeps them in their order.
    pub fn texts(&self, rows: &[Vec<i64>]) -> Vec<Input> {
        let encoder = rows.len().div_ceil(self.most).next_multiple_of(self.pools.len()).max(1);
        rows.chunks(rows.len().div_ceil(encoder).max(1)).map(|shard| Input::Texts(Prompts::new(shard))).collect()
    }

    /// Encodes all `inputs`, in their order, keeping the graphs; rows of pictures go on with what a posture head says.
    pub fn forward(&self, pair: &ClipPair, inputs: Vec<Input>) -> Vec<Encoded> {
        let device = self.device.clone().autodiff();
        self.each(inputs, |input| {
            let replica = pair.clone().fork(&device);
            match input {
                Input::Pictures(values) => {
                    let patches = self.tensor(values).autodiff().require_grad();
                    let embeds = replica.image_lessons(patches.clone());
                    Encoded { replica, patches: Some(patches), embeds }
                }
                Input::Texts(prompts) => {
                    let embeds = replica.text_embeds(&prompts);
                    Encoded { replica, patches: None, embeds }
                }
            }
        })
    }

    /// Embeddings [n, dimension] of all `inputs` without gradients; `pair` is one outside any graph.
    pub fn infer(&self, pair: &ClipPair, inputs: Vec<Input>) -> Tensor<2> {
        let embeds = self.each(inputs, |input| match input {
            Input::Pictures(values) => pair.image_embeds(self.tensor(values)),
            Input::Texts(prompts) => pair.text_embeds(&prompts),
        });
        Tensor::cat(embeds, 0)
    }

    /// Sends the gradients of all embeddings, [sum of n, dimension], back through the encoder, and adds up what they
    /// leave at the parameters of `pair`.
    pub fn backward(&self, pair: &ClipPair, encoded: Vec<Encoded>, gradient: &Tensor<2>) -> GradientsParams {
        let gradients = self.each(deal(encoded, gradient), |(shard, gradient)| {
            let gradients = (shard.embeds * gradient.autodiff()).sum().backward();
            GradientsParams::from_grads(gradients, &shard.replica)
        });
        let mut sum = GradientsAccumulator::new();
        gradients.into_iter().for_each(|gradients| sum.accumulate(pair, gradients));
        sum.grads()
    }

    /// Sends the gradients of all embeddings back to the pictures: patches [sum of n, patches, 3 * patch * patch].
    pub fn picture_gradient(&self, encoded: Vec<Encoded>, gradient: &Tensor<2>) -> Tensor<3> {
        let gradients = self.each(deal(encoded, gradient), |(shard, gradient)| {
            let mut gradients = (shard.embeds * gradient.autodiff()).sum().backward();
            shard.patches.and_then(|patches| patches.grad_remove(&mut gradients))
        });
        Tensor::cat(gradients.into_iter().flatten().collect(), 0)
    }

    fn tensor(&self, values: Vec<f32>) -> Tensor<3> {
        let (patches, patch) = (self.sizes.patches(), self.sizes.patch_values());
        let n = values.len() / (patches * patch);
        Tensor::from_data(TensorData::new(values, [n, patches, patch]), &self.device)
    }

    /// `work` on each item, item i on thread i modulo the threads; results in the order of the items.
    fn each<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        let mut hands: Vec<Vec<(usize, T)>> = self.pools.iter().map(|_| Vec::new()).collect();
        for (i, item) in items.into_iter().enumerate() {
            hands[i % self.pools.len()].push((i, item));
        }
        let work = &work;
        let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .pools
                .iter()
                .zip(hands)
                .map(|(pool, hand)| {
                    scope.spawn(move || {
                        pool.install(|| hand.into_iter().map(|(i, item)| (i, work(item))).collect::<Vec<_>>())
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a shard's own panic has been printed"))
                .collect()
        });
        results.sort_by_key(|(i, _)| *i);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// Every shard with its rows of `gradient`.
fn deal(encoded: Vec<Encoded>, gradient: &Tensor<2>) -> Vec<(Encoded, Tensor<2>)> {
    let mut from = 0;
    encoded
        .into_iter()
        .map(|shard| {
            let n = shard.embeds.dims()[0];
            from += n;
            (shard, gradient.clone().narrow(0, from - n, n))
        })
        .collect()
}

/// The embeddings of all encoder as one leaf [sum of n, dimension] of the loss's graph.
pub fn leaf(encoded: &[Encoded]) -> Tensor<2> {
    Tensor::cat(encoded.iter().map(Encoded::embeds).collect(), 0).autodiff().require_grad()
}
