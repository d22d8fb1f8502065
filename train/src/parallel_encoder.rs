//! Encodes pictures and texts in chunks on all cores, with the gradients of one graph.
//!
//! Each chunk has its own graph over a replica of the pair. The loss has the embeddings of all chunks as leaves; their
//! gradients are then propagated through each chunk. One thread per chunk is twice as fast as all threads in each
//! matrix product, because the operations between the products then run on all cores too.

use crate::pair::{ClipPair, PairSizes, Prompts};
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use figureground::{Error, Result, Stage};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Pictures or texts that one thread encodes at once.
#[derive(Clone, Debug)]
pub enum EncoderChunk {
    /// Patches of `n` pictures, `[n, patches, 3 * patch * patch]`.
    Pictures(Vec<f32>),
    /// Prompts.
    Texts(Prompts),
}

/// A chunk after its forward pass.
#[derive(Debug)]
pub struct EncodedChunk {
    replica: ClipPair,
    /// The patches, a leaf of the graph.
    patches: Option<Tensor<3>>,
    embeds: Tensor<2>,
}

impl EncodedChunk {
    /// Returns the embeddings [n, dimension], outside the chunk's graph.
    pub fn embeds(&self) -> Tensor<2> {
        self.embeds.clone().inner()
    }
}

/// A pool of threads that encode chunks.
#[derive(Debug)]
pub struct ParallelEncoder {
    pools: Vec<ThreadPool>,
    device: Device,
    sizes: PairSizes,
    /// Largest number of pictures or texts of a chunk, such that its activations stay in the cache.
    chunk_size: usize,
}

impl ParallelEncoder {
    /// Starts `threads` threads on `device`, for chunks of at most `chunk_size` pictures.
    ///
    /// # Errors
    /// Returns an error if the threads cannot be started.
    pub fn new(threads: usize, chunk_size: usize, device: &Device, sizes: &PairSizes) -> Result<Self> {
        let pool = |_| ThreadPoolBuilder::new().num_threads(1).build();
        let pools: std::result::Result<_, _> = (0..threads.max(1)).map(pool).collect();
        let pools =
            pools.map_err(|e| Error::caused(Stage::Training, "threads for the encoder", e, "use fewer threads"))?;
        Ok(Self { pools, device: device.clone(), sizes: *sizes, chunk_size })
    }

    /// Splits the patches of pictures into chunks.
    pub fn pictures(&self, patches: &[f32]) -> Vec<EncoderChunk> {
        let len = self.sizes.patch_count() * self.sizes.patch_values();
        let n = patches.len() / len;
        let count = n.div_ceil(self.chunk_size).next_multiple_of(self.pools.len()).max(1);
        patches.chunks(n.div_ceil(count).max(1) * len).map(|chunk| EncoderChunk::Pictures(chunk.to_vec())).collect()
    }

    /// Splits prompts into chunks, in order.
    pub fn texts(&self, rows: &[Vec<i64>]) -> Vec<EncoderChunk> {
        let count = rows.len().div_ceil(self.chunk_size).next_multiple_of(self.pools.len()).max(1);
        rows.chunks(rows.len().div_ceil(count).max(1)).map(|chunk| EncoderChunk::Texts(Prompts::new(chunk))).collect()
    }

    /// Encodes all `inputs`, in order, and keeps the graphs. Rows of pictures end with the output of the posture head.
    pub fn forward(&self, pair: &ClipPair, inputs: Vec<EncoderChunk>) -> Vec<EncodedChunk> {
        let device = self.device.clone().autodiff();
        self.each(inputs, |input| {
            let replica = pair.clone().fork(&device);
            match input {
                EncoderChunk::Pictures(values) => {
                    let patches = self.tensor(values).autodiff().require_grad();
                    let embeds = replica.image_embeds_and_joints(patches.clone());
                    EncodedChunk { replica, patches: Some(patches), embeds }
                }
                EncoderChunk::Texts(prompts) => {
                    let embeds = replica.text_embeds(&prompts);
                    EncodedChunk { replica, patches: None, embeds }
                }
            }
        })
    }

    /// Returns the embeddings [n, dimension] of all `inputs` without gradients; `pair` must be outside any graph.
    pub fn infer(&self, pair: &ClipPair, inputs: Vec<EncoderChunk>) -> Tensor<2> {
        let embeds = self.each(inputs, |input| match input {
            EncoderChunk::Pictures(values) => pair.image_embeds(self.tensor(values)),
            EncoderChunk::Texts(prompts) => pair.text_embeds(&prompts),
        });
        Tensor::cat(embeds, 0)
    }

    /// Propagates the gradients of all embeddings, [sum of n, dimension], to the parameters of `pair` and adds them up.
    pub fn backward(&self, pair: &ClipPair, encoded: Vec<EncodedChunk>, gradient: &Tensor<2>) -> GradientsParams {
        let gradients = self.each(with_gradients(encoded, gradient), |(chunk, gradient)| {
            let gradients = (chunk.embeds * gradient.autodiff()).sum().backward();
            GradientsParams::from_grads(gradients, &chunk.replica)
        });
        let mut sum = GradientsAccumulator::new();
        gradients.into_iter().for_each(|gradients| sum.accumulate(pair, gradients));
        sum.grads()
    }

    /// Propagates the gradients of all embeddings to the pictures: patches [sum of n, patches, 3 * patch * patch].
    pub fn picture_gradient(&self, encoded: Vec<EncodedChunk>, gradient: &Tensor<2>) -> Tensor<3> {
        let gradients = self.each(with_gradients(encoded, gradient), |(chunk, gradient)| {
            let mut gradients = (chunk.embeds * gradient.autodiff()).sum().backward();
            chunk.patches.and_then(|patches| patches.grad_remove(&mut gradients))
        });
        Tensor::cat(gradients.into_iter().flatten().collect(), 0)
    }

    fn tensor(&self, values: Vec<f32>) -> Tensor<3> {
        let (patches, patch) = (self.sizes.patch_count(), self.sizes.patch_values());
        let n = values.len() / (patches * patch);
        Tensor::from_data(TensorData::new(values, [n, patches, patch]), &self.device)
    }

    /// Applies `work` to each item, item i on thread i modulo the number of threads; results are in order.
    fn each<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        let mut queues: Vec<Vec<(usize, T)>> = self.pools.iter().map(|_| Vec::new()).collect();
        for (i, item) in items.into_iter().enumerate() {
            queues[i % self.pools.len()].push((i, item));
        }
        let work = &work;
        let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .pools
                .iter()
                .zip(queues)
                .map(|(pool, queue)| {
                    scope.spawn(move || {
                        pool.install(|| queue.into_iter().map(|(i, item)| (i, work(item))).collect::<Vec<_>>())
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("a thread's panic has been printed")).collect()
        });
        results.sort_by_key(|(i, _)| *i);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// Pairs every chunk with its rows of `gradient`.
fn with_gradients(encoded: Vec<EncodedChunk>, gradient: &Tensor<2>) -> Vec<(EncodedChunk, Tensor<2>)> {
    let mut from = 0;
    encoded
        .into_iter()
        .map(|chunk| {
            let n = chunk.embeds.dims()[0];
            from += n;
            (chunk, gradient.clone().narrow(0, from - n, n))
        })
        .collect()
}

/// Returns the embeddings of all chunks as one leaf [sum of n, dimension] of the loss's graph.
pub fn leaf(encoded: &[EncodedChunk]) -> Tensor<2> {
    Tensor::cat(encoded.iter().map(EncodedChunk::embeds).collect(), 0).autodiff().require_grad()
}
