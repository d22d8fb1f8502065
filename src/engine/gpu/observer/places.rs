//! The person of a clip in other places, to the first label of each: pasted on the CPU, encoded on the device.

use super::rig::{Rig, Sessions};
use super::{Models, VIEWS};
use crate::clip_encoder::ClipPaster;
use crate::engine::gpu::Session;
use crate::error::Result;
use crate::zeroshot::{Embedding, LogProbs, mean_pool, top_k};

/// The sessions of probes, which are rare: their pictures go up and their embeddings come back.
#[derive(Debug, Default)]
pub(super) struct PlaceSessions {
    /// Pictures to embeddings.
    encode: Sessions,
    /// The frames of one clip to its embedding, where a transformer fuses them.
    fuse: Option<Session>,
    pictures: Vec<f32>,
    embeddings: Vec<f32>,
    sequence: Vec<f32>,
}

impl PlaceSessions {
    /// Adds the first class of the clip in the slots `order` in each place of `paster` to `labels`.
    pub fn label(
        &mut self,
        paster: &mut ClipPaster,
        order: &[usize],
        models: &Models,
        rig: &Rig,
        labels: &mut Vec<usize>,
    ) -> Result<()> {
        let frames = paster.select(order);
        let dimension = models.dimension;
        let (length, row) = (frames * models.vision.item_len(), frames * dimension);
        let (mut clip, mut log_probs) = (vec![0.0; dimension], LogProbs::new(models.bank.names().len()));
        // As many pictures at a time as the views of a clip have.
        for first in (0..paster.places()).step_by(VIEWS) {
            let count = VIEWS.min(paster.places() - first);
            self.pictures.resize(count * length, 0.0);
            self.embeddings.resize(count * row, 0.0);
            for (place, clip) in self.pictures.chunks_exact_mut(length).enumerate() {
                paster.paste(first + place, clip)?;
            }
            let plan = || models.vision.whole(count * frames);
            let session = self.encode.of(count * frames, || rig.session(plan()?))?;
            session.run(&[&self.pictures], &mut [&mut self.embeddings])?;
            for embeddings in self.embeddings.chunks_exact(row) {
                let rows = paster.rows(embeddings, dimension);
                match &models.temporal {
                    None => mean_pool(rows, &mut clip)?,
                    Some(temporal) => {
                        self.sequence.clear();
                        rows.for_each(|row| self.sequence.extend_from_slice(row));
                        let session = match self.fuse.take() {
                            Some(session) => session,
                            None => rig.session(temporal.whole(1)?)?,
                        };
                        self.fuse.insert(session).run(&[&self.sequence], &mut [&mut clip])?;
                    }
                }
                models.bank.score(&Embedding::new(&mut clip)?, &mut log_probs)?;
                labels.extend(top_k::<1>(log_probs.values()).first().map(|best| best.class));
            }
        }
        Ok(())
    }

    /// The session that encoded last, and how many pictures it takes.
    pub fn last(&mut self) -> Option<(usize, &mut Session)> {
        self.encode.last()
    }
}
