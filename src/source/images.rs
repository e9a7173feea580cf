//! What is known of an image by its name or by the type of its instances, if nothing describes the image.

/// Instance types of which the root device may be an instance store volume. That of every other type is an EBS
/// volume.
///
/// Source, checked on November 29, 2026:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/RootDeviceStorage.html>.
const INSTANCE_STORE_ROOTS: [&str; 14] = [
    "c1", "c3", "cc2", "cg1", "cr1", "d2", "g2", "hi1", "hs1", "i2", "m1", "m2", "m3", "r3",
];

/// Returns whether the root device of every instance of a type is an EBS volume: `t3.micro`.
#[must_use]
pub fn has_ebs_root(instance_type: &str) -> bool {
    let family = instance_type.split('.').next();
    family.is_some_and(|it| !INSTANCE_STORE_ROOTS.contains(&it))
}

/// A public image of which the root device is known.
#[derive(Debug)]
pub struct PublicImage {
    /// The start of the name of its parameter in Systems Manager.
    parameter: &'static str,
    /// The device of its root volume.
    pub root_device: &'static str,
}

/// Images that AWS, Canonical and Debian publish with parameters of Systems Manager, checked on 2026-11-30. Their root
/// volume is on EBS, their snapshots are public and so not encrypted, and they have no product code.
///
/// Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html>,
/// <https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html>,
/// <https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>,
/// <https://wiki.debian.org/Cloud/AmazonEC2Image>.
const IMAGES: [PublicImage; 9] = [
    PublicImage {
        parameter: "/aws/service/ami-amazon-linux-latest/al2023-ami-",
        root_device: "/dev/xvda",
    },
    PublicImage {
        parameter: "/aws/service/ami-amazon-linux-latest/amzn2-ami-",
        root_device: "/dev/xvda",
    },
    PublicImage {
        parameter: "/aws/service/ami-windows-latest/",
        root_device: "/dev/sda1",
    },
    PublicImage {
        parameter: "/aws/service/canonical/ubuntu/server/",
        root_device: "/dev/sda1",
    },
    PublicImage {
        parameter: "/aws/service/canonical/ubuntu/eks/",
        root_device: "/dev/sda1",
    },
    PublicImage {
        parameter: "/aws/service/debian/",
        root_device: "/dev/xvda",
    },
    PublicImage {
        parameter: "/aws/service/eks/optimized-ami/",
        root_device: "/dev/xvda",
    },
    PublicImage {
        parameter: "/aws/service/ecs/optimized-ami/amazon-linux-2/",
        root_device: "/dev/xvda",
    },
    PublicImage {
        parameter: "/aws/service/ecs/optimized-ami/amazon-linux-2023/",
        root_device: "/dev/xvda",
    },
];

/// Returns the public image that a parameter of Systems Manager names.
#[must_use]
pub fn find_public_image(parameter: &str) -> Option<&'static PublicImage> {
    IMAGES.iter().find(|it| parameter.starts_with(it.parameter))
}

/// Devices that are the root device of an image, if its name is not known.
///
/// Source, checked on November 29, 2026:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>.
const ROOT_DEVICES: [&str; 2] = ["/dev/sda1", "/dev/xvda"];

/// Returns whether the root volume of an image may have a device.
#[must_use]
pub fn may_be_root(device: &str) -> bool {
    ROOT_DEVICES.contains(&device)
}
