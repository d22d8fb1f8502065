//! The network as ONNX and its manifest.

use super::convolution::{Convolution, Kernels, geometry};
use super::network::{BLOCK, Network, Sizes};
use super::normal::{MEAN, SCALE, STD};
use figureground::Result;
use figureground::bundle::manifest::{DecodeKind, DecodeSettings, PersonChannels, SegmenterSettings};
use figureground::file::write_aside;
use figureground::model::write::{
    Attribute, Axis, Element, GraphWriter, ValueName as Value, WeightPrecision as Precision,
};
use figureground::preprocess::{ChannelOrder, Interpolation, Layout, PreprocessSettings, Resize, ResizeLibrary};
use std::path::Path;

/// File name of the network.
pub const MODEL: &str = "segmenter.onnx";
/// File name of its manifest.
pub const MANIFEST: &str = "segmenter.toml";
const INPUT: &str = "pixel_values";
const OUTPUT: &str = "mask";

/// Writes `network`, whose normalisation is folded into its kernels, into the folder `directory`, which must exist, its
/// weights in `precision`:
/// [`MODEL`], from `pixel_values` [batch, 3, side, side] to the person probabilities `mask` [batch, 1, side, side], and its
/// [`MANIFEST`].
///
/// # Errors
/// When a file cannot be written.
pub fn export(network: &Network, sizes: &Sizes, precision: Precision, directory: &Path) -> Result<()> {
    let path = directory.join(MODEL);
    let mut graph = Graph { writer: GraphWriter::create(&path, precision)?, adds: 0 };
    let side = Axis::Size(sizes.exported);
    let batch = Axis::Named("batch");
    let pixels = graph.writer.input(INPUT, Element::F32, &[batch, Axis::Size(3), side, side]);
    let logits = graph.network(network, &pixels)?;
    graph.writer.named_node(OUTPUT, "Sigmoid", &[&logits], &[]);
    graph.writer.output(OUTPUT, Element::F32, &[batch, Axis::Size(1), side, side]);
    graph.writer.finish()?;
    write_manifest(sizes, &directory.join(MANIFEST))
}

/// The manifest of an exported network of `sizes`.
pub fn manifest(sizes: &Sizes) -> SegmenterSettings {
    SegmenterSettings {
        file: String::new(),
        input: INPUT.to_owned(),
        output: OUTPUT.to_owned(),
        preprocess: PreprocessSettings {
            width: sizes.exported as u32,
            height: sizes.exported as u32,
            resize: Resize::Squash,
            interpolation: Interpolation::Bilinear,
            family: ResizeLibrary::Pillow,
            layout: Layout::Nchw,
            channel_order: ChannelOrder::Rgb,
            scale: SCALE,
            mean: [MEAN; 3],
            std: [STD; 3],
        },
        decode: DecodeSettings {
            kind: DecodeKind::Probability,
            layout: Layout::Nchw,
            channels: 1,
            person: PersonChannels::Channels(vec![0]),
            prototypes: None,
        },
        threshold: 0.5,
        dilation: 0,
        smoothing: 0.0,
    }
}

fn write_manifest(sizes: &Sizes, path: &Path) -> Result<()> {
    let text = manifest_text(&manifest(sizes));
    SegmenterSettings::parse(&text)?;
    write_aside(path, text.as_bytes())
}

/// As the manifests of public segmenters are written.
fn manifest_text(manifest: &SegmenterSettings) -> String {
    let settings = &manifest.preprocess;
    let (width, height) = (settings.width, settings.height);
    let (input, output, threshold) = (&manifest.input, &manifest.output, manifest.threshold);
    let (dilation, smoothing, scale) = (manifest.dilation, manifest.smoothing, settings.scale);
    format!(
        "# figureground's own person segmenter, trained on pantomime.\n\
         input = {input:?}\noutput = {output:?}\n\
         threshold = {threshold:?}\ndilation = {dilation}\nsmoothing = {smoothing:?}\n\n\
         [preprocess]\nwidth = {width}\nheight = {height}\nresize = \"squash\"\ninterpolation = \"bilinear\"\n\
         family = \"pillow\"\nlayout = \"nchw\"\nchannel-order = \"rgb\"\nscale = {scale:?}\n\
         mean = {:?}\nstd = {:?}\n\n\
         [decode]\nkind = \"probability\"\nlayout = \"nchw\"\nchannels = 1\nperson = {{ channels = [0] }}\n",
        settings.mean, settings.std
    )
}

/// The graph in the making; layers are named as the network's fields are.
struct Graph {
    writer: GraphWriter,
    adds: usize,
}

impl Graph {
    fn network(&mut self, network: &Network, pixels: &str) -> Result<Value> {
        let stem = self.convolution("stem", &block_kernels(&network.stem.kernels()), (2, 2), pixels)?;
        let mut x = self.relu(&stem);
        let mut seen = Vec::new();
        for (level, (halve, encode)) in network.halve.iter().zip(&network.encode).enumerate() {
            seen.push(x.clone());
            let halved = self.layer(&format!("halve.{level}"), halve, &x)?;
            x = self.relu(&halved);
            for (i, layer) in encode.iter().enumerate() {
                x = self.residual(&format!("encode.{level}.{i}"), layer, &x)?;
            }
        }
        for (level, ((double, decode), skip)) in
            network.double.iter().zip(&network.decode).zip(seen.iter().rev()).enumerate()
        {
            let doubled = self.layer(&format!("double.{level}"), double, &x)?;
            let doubled = self.unfold(&doubled);
            let merged = self.add(&doubled, skip);
            let merged = self.relu(&merged);
            x = self.residual(&format!("decode.{level}"), decode, &merged)?;
        }
        let logits = self.layer("head", &network.head, &x)?;
        Ok(self.unfold(&logits))
    }

    fn residual(&mut self, name: &str, layer: &Convolution, x: &str) -> Result<Value> {
        let y = self.layer(name, layer, x)?;
        let sum = self.add(x, &y);
        Ok(self.relu(&sum))
    }

    fn layer(&mut self, name: &str, layer: &Convolution, x: &str) -> Result<Value> {
        let kernels = layer.kernels();
        self.convolution(name, &kernels, geometry(kernels.shape[2]), x)
    }

    fn convolution(&mut self, name: &str, kernels: &Kernels, geometry: (usize, usize), x: &str) -> Result<Value> {
        let weight = self.writer.weight(&format!("{name}.weight"), &kernels.shape, &kernels.weight)?;
        let bias = self.writer.weight(&format!("{name}.bias"), &[kernels.bias.len()], &kernels.bias)?;
        let (side, stride, padding) = (kernels.shape[2] as i64, geometry.0 as i64, geometry.1 as i64);
        let attributes = [
            ("kernel_shape", Attribute::Ints(&[side; 2])),
            ("strides", Attribute::Ints(&[stride; 2])),
            ("pads", Attribute::Ints(&[padding; 4])),
        ];
        Ok(self.writer.named_node(name, "Conv", &[x, &weight, &bias], &attributes))
    }

    fn relu(&mut self, x: &str) -> Value {
        self.writer.named_node(&format!("{x}.relu"), "Relu", &[x], &[])
    }

    fn add(&mut self, a: &str, b: &str) -> Value {
        self.adds += 1;
        self.writer.named_node(&format!("add.{}", self.adds), "Add", &[a, b], &[])
    }

    fn unfold(&mut self, x: &str) -> Value {
        self.writer.named_node(&format!("{x}.unfold"), "DepthToSpace", &[x], &[("blocksize", Attribute::Int(2))])
    }
}

/// Kernels of size 3 over blocks of 2x2 pixels as kernels of size 6 over pixels.
fn block_kernels(blocks: &Kernels) -> Kernels {
    let [outputs, _, side, _] = blocks.shape;
    let (channels, wide) = (BLOCK / 4, 2 * side);
    let mut weight = Vec::with_capacity(blocks.weight.len());
    for output in 0..outputs {
        for channel in 0..channels {
            for y in 0..wide {
                for x in 0..wide {
                    let input = (2 * (y % 2) + x % 2) * channels + channel;
                    weight.push(blocks.weight[((output * BLOCK + input) * side + y / 2) * side + x / 2]);
                }
            }
        }
    }
    Kernels { weight, shape: [outputs, channels, wide, wide], bias: blocks.bias.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::convolution::values;
    use super::super::moments::Moments;
    use super::super::network::to_blocks;
    use super::super::normal::normalise;
    use super::*;
    use burn::tensor::activation::sigmoid;
    use burn::tensor::{Device, Tensor, TensorData};
    use figureground::engine::{Segmenter as _, cpu::Cpu};
    use figureground::mask::{Mask, Size};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    const TINY: Sizes = Sizes { side: 32, exported: 32, channels: [4, 6, 8, 10], layers: [1, 1, 2] };

    /// What the engine makes of the exported network, and burn of the network that it was folded from.
    fn both(pictures: &[Vec<u8>]) -> (Vec<f32>, Vec<f32>) {
        let drawn = Network::new(&TINY, 3, &Device::flex());
        let blocks = as_blocks(pictures);
        let mut moments = Moments::default();
        drawn.forward(blocks.clone(), &mut moments);
        let network = drawn.folded(&moments.spreads());
        let folder = tempfile::tempdir().unwrap();
        export(&network, &TINY, Precision::F32, folder.path()).unwrap();
        let manifest =
            SegmenterSettings::parse(&std::fs::read_to_string(folder.path().join(MANIFEST)).unwrap()).unwrap();
        let mut engine = Cpu::new(1).unwrap().segmenter(&folder.path().join(MODEL), &manifest).unwrap();
        let plane = |picture: &Vec<u8>, c: usize| -> Vec<f32> {
            picture.iter().skip(c).step_by(3).map(|&byte| normalise(byte)).collect()
        };
        let inputs: Vec<f32> =
            pictures.iter().flat_map(|picture| (0..3).flat_map(move |c| plane(picture, c))).collect();
        let mut masks = vec![Mask::new(Size::new(32, 32).unwrap()); pictures.len()];
        engine.segment(&inputs, &mut masks).unwrap();
        let exported = masks.iter().flat_map(|mask| mask.probabilities().to_vec()).collect();
        // The moments are those of the very same pictures, so folding them in must change nothing.
        let trained = sigmoid(drawn.forward(blocks, &mut Moments::default()));
        (exported, values(trained))
    }

    fn as_blocks(pictures: &[Vec<u8>]) -> Tensor<4> {
        let mut blocks = vec![0.0; pictures.len() * BLOCK * 16 * 16];
        for (picture, blocks) in pictures.iter().zip(blocks.chunks_exact_mut(BLOCK * 16 * 16)) {
            to_blocks(picture, 32, normalise, blocks);
        }
        Tensor::from_data(TensorData::new(blocks, [pictures.len(), BLOCK, 16, 16]), &Device::flex())
    }

    #[test]
    fn the_engine_runs_the_exported_network_as_burn_does() {
        let mut rng = Pcg64::seed_from_u64(1);
        let pictures: Vec<Vec<u8>> = (0..3).map(|_| (0..32 * 32 * 3).map(|_| rng.random()).collect()).collect();
        let (exported, trained) = both(&pictures);
        assert_eq!(exported.len(), 3 * 32 * 32);
        assert!(exported.iter().zip(&trained).all(|(a, b)| (a - b).abs() < 1e-4));
        assert!(exported.iter().any(|p| (p - exported[0]).abs() > 1e-3), "a flat mask proves nothing");
    }

    #[test]
    fn the_manifest_on_disk_says_what_the_manifest_in_memory_says() {
        let manifest = manifest(&Sizes::default());
        assert_eq!(SegmenterSettings::parse(&manifest_text(&manifest)).unwrap(), manifest);
    }
}
