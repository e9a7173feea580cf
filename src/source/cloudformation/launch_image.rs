//! The image that an instance is launched from.

use crate::model::ec2::Volume;
use crate::model::image::Image;
use crate::model::observed::AccountFact;
use crate::model::{Gap, Observed};
use crate::source::images::{PublicImage, find_public_image, may_be_root};
use crate::source::planned::unplanned;

use super::build::Build;
use super::value::{Piece, Resolved};

/// The image of an instance.
pub(super) enum LaunchImage {
    /// A public image, by its parameter of Systems Manager.
    Public(&'static PublicImage),
    /// An image that the account has.
    Account(Image),
    /// It is not known; the reason, if an account was read.
    Open(Option<Gap>),
}

impl LaunchImage {
    pub(super) fn find(build: &Build<'_>, image_id: &Resolved) -> Self {
        if let Some(image) = find_public_choice(image_id) {
            return LaunchImage::Public(image);
        }
        // Images of which instances get the same are as good as one.
        let found = image_id.agree(|id| {
            let Some(id) = id.text()? else {
                return Ok(None);
            };
            let found = build.around().find_image(build.region(), &id).transpose()?;
            Ok(found.map(|it| Image {
                id: String::new(),
                ..it.clone()
            }))
        });
        match found {
            Ok(Some(image)) => LaunchImage::Account(image),
            Ok(None) => LaunchImage::Open(None),
            Err(gap) => LaunchImage::Open(build.around().has_lookups().then_some(gap)),
        }
    }

    pub(super) fn gap(&self) -> Option<&Gap> {
        match self {
            LaunchImage::Open(gap) => gap.as_ref(),
            _ => None,
        }
    }

    pub(super) fn root_device(&self) -> Option<&str> {
        match self {
            LaunchImage::Public(image) => Some(image.root_device),
            LaunchImage::Account(image) => image.root_device.known().map(String::as_str),
            LaunchImage::Open(_) => None,
        }
    }

    /// Corrects what a volume says about its encryption that a mapping of the template describes.
    pub(super) fn correct_mapping(&self, volume: &mut Volume, device: &str, names_key: bool) {
        self.correct_encryption(volume, device, names_key);
        if let LaunchImage::Account(image) = self
            && self.root_device() != Some(device)
            && image
                .volume(device)
                .is_some_and(|it| it.encrypted == Observed::Known(true))
        {
            let gap = || {
                unplanned(
                    "it replaces an encrypted volume of its image, and it is not documented whether it is made from the same snapshot",
                )
            };
            volume.encrypted = Observed::Unknown(gap());
            if !names_key {
                volume.kms_key = Observed::Unknown(gap());
            }
        }
    }

    /// Corrects what a volume says about its encryption, if it may be made from an encrypted snapshot of the image:
    /// the volume of a device, for which the template names no snapshot. `names_key` is whether it names a key.
    pub(super) fn correct_encryption(&self, volume: &mut Volume, device: &str, names_key: bool) {
        let (encrypted, key) = match self {
            LaunchImage::Public(_) => return,
            LaunchImage::Account(image) => match image.volume(device) {
                None => return,
                Some(it) if it.encrypted == Observed::Known(false) => return,
                Some(it) => (it.encrypted.clone(), it.kms_key.clone()),
            },
            LaunchImage::Open(_) if !may_be_root(device) => return,
            LaunchImage::Open(why) => {
                let gap = || {
                    why.clone().unwrap_or_else(|| {
                        unplanned("it depends on its image, which the template does not contain")
                    })
                };
                let encrypted = gap().needing(AccountFact::EbsEncryptionOrSnapshot);
                (Observed::Unknown(encrypted), Observed::Unknown(gap()))
            }
        };
        if volume.encrypted != Observed::Known(true) {
            volume.encrypted = encrypted;
        }
        // Without a key the default one of the region is used, as the volume says already.
        if !names_key && key != Observed::Known(None) {
            volume.kms_key = key;
        }
    }
}

/// Returns a public image that has the root device of every one that an image id may be.
fn find_public_choice(image_id: &Resolved) -> Option<&'static PublicImage> {
    let mut images = image_id.candidates().iter().map(find_image);
    let first = images.next()??;
    let is_same =
        |it: Option<&PublicImage>| it.is_some_and(|it| it.root_device == first.root_device);
    images.all(is_same).then_some(first)
}

/// Returns the public image that an image id is read from Systems Manager for.
fn find_image(image_id: &Resolved) -> Option<&'static PublicImage> {
    if let Ok(Some(text)) = image_id.text() {
        // EC2 resolves it when it launches the instance:
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-launch-template.html
        return find_public_image(text.strip_prefix("resolve:ssm:")?);
    }
    let open = match image_id {
        Resolved::Open(open) => open,
        Resolved::Text(phrase) => match phrase.0.as_slice() {
            [Piece::Open(open)] => open,
            _ => return None,
        },
        _ => return None,
    };
    let symbol = open.symbol.as_deref()?;
    let parameter = symbol
        .strip_prefix("ssm ")
        .or_else(|| symbol.strip_prefix("{{resolve:ssm:"))?;
    find_public_image(parameter)
}
