//! The command line of ffmpeg.

use super::address::Address;
use super::features;
use super::input::Transfer;
use crate::source::{RtspTransport, SourceOptions};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Demuxers of files, of sound too, so that it is named as such. Playlists and other texts that name further files are
/// not among them: a clip is one file.
const FILE_DEMUXERS: &str = "\
    mov,matroska,webm,avi,mpegts,mpegtsraw,mpeg,mpegvideo,m4v,h261,h263,h264,hevc,vvc,evc,\
    av1,obu,ivf,vc1,vc1test,cavsvideo,dirac,avs2,avs3,asf,asf_o,flv,live_flv,kux,ogg,gif,\
    apng,image2,bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,hdr_pipe,j2k_pipe,jpeg_pipe,jpegls_pipe,\
    jpegxl_pipe,jpegxl_anim,pam_pipe,pbm_pipe,pcx_pipe,pgm_pipe,png_pipe,ppm_pipe,psd_pipe,\
    qoi_pipe,sgi_pipe,sunrast_pipe,tiff_pipe,webp_pipe,xbm_pipe,xpm_pipe,xwd_pipe,mjpeg,mjpeg_2000,\
    smjpeg,mpjpeg,mxf,mxg,gxf,lxf,dv,nut,rm,rawvideo,yuv4mpegpipe,wtv,nuv,nsv,nsp,pva,pmp,\
    r3d,swf,thp,roq,bink,smk,film_cpk,4xm,flic,mvi,mv,mtv,mm,ea,ea_cdata,idcin,ipmovie,rpl,\
    siff,sdr2,svag,tmv,txd,vivo,vmd,wsvqa,xmv,yop,avr,anm,c93,cdxl,cine,dfa,dxa,filmstrip,\
    frm,iv8,jv,lvf,ivr,paf,rl2,sga,smush,argo_brp,bethsoftvid,bfi,dhav,hnm,derf,fits,ty,\
    viv,xbin,dss,spdif,wav,w64,mp3,aac,flac,aiff,caf,amr,ac3,eac3,dts,au,tta,wv,ape";

/// The purpose of one run of ffmpeg.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass<'a> {
    /// Decode and report frames without converting them.
    Count,
    /// Convert every frame.
    All,
    /// Convert only the frames with these indices.
    Selected(&'a [u64]),
    /// Convert the frames that are shown at these ticks of the stream; begin at the key frame at `start_us`.
    Group { start_us: u64, ticks: &'a [i64] },
}

/// What is decoded, and how its pictures are made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DecodePlan {
    /// Stream to decode; `None` for the first video.
    pub stream: Option<usize>,
    /// High dynamic range to map to the standard one.
    pub tone_map: Option<Transfer>,
    /// Whether it is settled what is done with a high dynamic range.
    pub is_range_settled: bool,
    /// Whether every picture is converted because ffmpeg cannot select by number.
    pub converts_all: bool,
}

/// Returns the command for a pass over the video at `address`.
pub(super) fn command(
    program: &OsStr,
    address: &Address,
    pass: Pass<'_>,
    plan: &DecodePlan,
    options: &SourceOptions,
) -> Command {
    let mut command = Command::new(program);
    super::environment::restrict(&mut command);
    // Colour codes would break the parser. The banner tells the version.
    command.env("AV_LOG_FORCE_NOCOLOR", "1");
    command.args(["-nostdin", "-nostats", "-loglevel", "level+info"]);
    add_input(&mut command, address, pass, options);
    let stream = plan.stream.map_or_else(|| "0:V:0".to_owned(), |index| format!("0:{index}"));
    // V excludes cover art; passthrough neither duplicates nor drops frames for a constant rate.
    command.args(["-map", &stream, features::passthrough_option(), "passthrough"]);
    command.args(["-vf", &filters(pass, plan, options)]);
    if let Pass::Count = pass {
        command.args(["-f", "null", "-"]);
    } else {
        if !features::scales_to_first() {
            // Frames of another size stay so.
            command.arg("-noautoscale");
        }
        // With threads, the encoder of raw pictures holds as many back as it has; unflushed, the end of one waits in a
        // buffer for the next.
        command.args(["-pix_fmt", "rgb24", "-threads", "1", "-flush_packets", "1", "-f", "rawvideo", "-"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // In its own process group, ffmpeg does not receive ctrl-C, on which it would report an error.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(target_os = "linux")]
    kill_with_parent(&mut command);
    command
}

fn add_input(command: &mut Command, address: &Address, pass: Pass<'_>, options: &SourceOptions) {
    if address.is_live {
        // The default analysis takes five seconds before the first picture of each connection.
        command.args(["-analyzeduration", "1000000"]);
    } else {
        // A truncated packet would decode to a partial picture.
        command.args(["-fflags", "+discardcorrupt"]);
    }
    if address.is_file {
        command.args(["-protocol_whitelist", "file", "-format_whitelist", FILE_DEMUXERS]);
    }
    if address.is_rtsp() {
        command.args(match options.rtsp_transport {
            RtspTransport::Tcp => ["-rtsp_flags", "prefer_tcp"],
            RtspTransport::Udp => ["-rtsp_transport", "udp"],
        });
    }
    if let Pass::Count = pass {
        // A quarter faster; the pictures of this pass are not used.
        command.args(["-skip_loop_filter", "all"]);
    }
    if let Pass::Group { start_us, .. } = pass {
        // Time stamps stay those of the file, by which frames are known.
        command.args(["-copyts", "-noaccurate_seek", "-ss", &format!("{:.6}", start_us as f64 / 1e6)]);
    }
    // Sound, subtitles and data have no say.
    command.args(["-an", "-sn", "-dn", "-i"]).arg(&address.url);
}

/// Makes the system kill ffmpeg when the thread that starts it ends, so that a killed program leaves no ffmpeg that
/// waits for a silent stream. Sources stay on their threads.
#[cfg(target_os = "linux")]
fn kill_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let set_death_signal = || {
        // SAFETY: it takes a number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes one system call and allocates nothing.
    unsafe { command.pre_exec(set_death_signal) };
}

/// Returns the filters of a pass. The first `showinfo` reports every frame of the clip, the second one those that are
/// written, in the size that they have then.
fn filters(pass: Pass<'_>, plan: &DecodePlan, options: &SourceOptions) -> String {
    let mut filters = vec!["showinfo=checksum=0".to_owned()];
    match pass {
        Pass::Count => return filters.concat(),
        Pass::All => {}
        Pass::Selected(indices) => filters.push(select("n", indices)),
        Pass::Group { ticks, .. } => filters.push(select("pts", ticks)),
    }
    if plan.tone_map.is_some() {
        // A peak of 100 candelas per square metre is the white of the standard range.
        filters.push("zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0".to_owned());
        filters.push("zscale=t=bt709:m=bt709:r=tv,format=yuv420p".to_owned());
    }
    if options.stretch {
        // Pixels that are not square are made so by the longer side; an aspect beyond 8 is nonsense.
        filters.push(
            "scale=w='if(between(sar,1.001,8),round(iw*sar),iw)':h='if(between(sar,.125,.999),round(ih/sar),ih)'\
             :flags=bicubic"
                .to_owned(),
        );
    }
    filters.push("format=rgb24,showinfo=checksum=0".to_owned());
    filters.join(",")
}

fn select<T: core::fmt::Display>(variable: &str, values: &[T]) -> String {
    let terms: Vec<String> = values.iter().map(|value| format!("eq({variable},{value})")).collect();
    format!("select='{}'", if terms.is_empty() { "0".to_owned() } else { terms.join("+") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn pictures_are_written_at_once_and_a_count_writes_none() {
        let address = Address::of_path("a.mp4".to_owned(), Path::new("a.mp4")).unwrap();
        let arguments = |pass: Pass<'_>| {
            let (plan, options) = (DecodePlan::default(), SourceOptions::default());
            let command = command("ffmpeg".as_ref(), &address, pass, &plan, &options);
            command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        for pass in [Pass::All, Pass::Selected(&[1]), Pass::Group { start_us: 20_000, ticks: &[512] }] {
            assert!(arguments(pass).contains("-threads 1 -flush_packets 1 -f rawvideo -"), "{pass:?}");
        }
        assert!(arguments(Pass::Count).ends_with("-f null -"));
        assert!(arguments(Pass::Group { start_us: 20_000, ticks: &[512] }).contains("-ss 0.020000 -an"));
    }
}
