//! What an instance gets from its launch template and from its image.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>.

use serde_json::Value;

use crate::model::image::{Image, ImageVolume};
use crate::model::{Gap, Observed};
use crate::source::images::{PublicImage, find_public_image, has_ebs_root};
use crate::source::planned::unplanned;

use super::item::{Item, data_type};
use super::reader::{Link, Reader};
use super::view::{Fact, View};

/// An instance with its launch template and its image, as far as the plan contains them.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    /// The instance.
    pub(super) instance: View<'a>,
    /// Its launch template.
    pub(super) template: Option<View<'a>>,
    /// Why the launch template is not known.
    pub(super) template_gap: Option<Gap>,
    /// Its image, if a data source looked it up.
    pub(super) image: Option<View<'a>>,
    /// Its image, if a parameter of Systems Manager names a public one.
    public_image: Option<&'static PublicImage>,
    /// Its image, if the account that was read has it.
    account_image: Option<&'a Image>,
    /// Why the account does not show the image.
    image_gap: Option<Gap>,
}

/// What the image of an instance says about a volume.
pub(super) struct ImageEncryption {
    /// Whether a new volume is encrypted, apart from encryption by default.
    pub(super) encrypted: Observed<bool>,
    /// The key that it then has; none: the default key of the region.
    pub(super) kms_key: Observed<Option<String>>,
}

impl<'a> Launch<'a> {
    /// Finds the launch template and the image of an instance. Those of an existing instance do not change it.
    pub(super) fn of_instance(reader: &Reader<'a>, instance: View<'a>) -> Self {
        let (template, template_gap) = match instance.item.exists {
            true => (None, None),
            false => match read_template(reader, &instance, "launch_template") {
                Ok(template) => (template.map(Item::view), None),
                Err(gap) => (None, Some(gap)),
            },
        };
        let of_template = match instance.text("ami") {
            Fact::Unset | Fact::Computed(_) => template.map(|it| (it, "image_id")),
            _ => None,
        };
        let named_by = || [Some((instance, "ami")), of_template].into_iter().flatten();
        let image = named_by().find_map(|(view, name)| find_image(reader, &view, name));
        let public_image = named_by().find_map(|(view, name)| find_parameter(reader, &view, name));
        let id = image.and_then(|it| it.text("id").known());
        let id = id.or_else(|| named_by().find_map(|(view, name)| view.text(name).known()));
        let region = reader.places.region_of(instance.item);
        let found = match id {
            Some(id) => reader.around.find_image(&region, id),
            None => {
                named_by().find_map(|(view, name)| find_hidden_image(reader, &view, name, &region))
            }
        };
        let (account_image, image_gap) = match found {
            Some(Ok(found)) => (Some(found), None),
            Some(Err(gap)) => (None, Some(gap)),
            None => (None, None),
        };
        Launch {
            instance,
            template,
            template_gap,
            image,
            public_image: public_image.filter(|_| !instance.item.exists),
            account_image,
            image_gap,
        }
    }

    /// Returns the type of the root device: `ebs` or `instance-store`.
    pub(super) fn root_device_type(&self) -> Observed<String> {
        let shown = self
            .image
            .and_then(|it| it.text("root_device_type").known());
        let blocks = self.instance.blocks("root_block_device");
        let has_volume = matches!(blocks, Fact::Known(blocks) if !blocks.is_empty());
        let own = self.instance.text("instance_type").known();
        let of_template = || self.template?.text("instance_type").known();
        let is_on_ebs =
            self.public_image.is_some() || own.or_else(of_template).is_some_and(has_ebs_root);
        let of_account = self
            .account_image
            .and_then(|it| it.root_device_type.known());
        match shown.or(of_account.map(String::as_str)) {
            Some(device) => Observed::Known(device.to_owned()),
            None if has_volume || is_on_ebs => Observed::Known("ebs".to_owned()),
            None => Observed::Unknown(unplanned(format!(
                "the plan does not contain the image of {}, which defines the root device type",
                self.instance.item.address
            ))),
        }
    }

    /// Returns the product codes of its image from AWS Marketplace.
    pub(super) fn marketplace_codes(&self) -> Observed<Vec<String>> {
        let gap = || {
            unplanned(format!(
                "the plan does not contain the image of {}, which may be from AWS Marketplace; look it up with the data source aws_ami",
                self.instance.item.address
            ))
        };
        let Some(image) = self.image else {
            return match (self.account_image, &self.image_gap) {
                (Some(image), _) => image.marketplace_codes.clone(),
                (None, _) if self.public_image.is_some() => Observed::Known(Vec::new()),
                (None, Some(why)) => Observed::Unknown(why.clone()),
                (None, None) => Observed::Unknown(gap()),
            };
        };
        match image.blocks("product_codes") {
            Fact::Known(codes) => {
                let of_marketplace = codes
                    .iter()
                    .filter(|code| code.text("product_code_type").known() == Some("marketplace"));
                let codes = of_marketplace.map(|code| code.text("product_code_id").final_value());
                let codes: Result<Vec<Option<&str>>, Gap> = codes.collect();
                let named =
                    codes.map(|codes| codes.into_iter().flatten().map(str::to_owned).collect());
                named.into()
            }
            Fact::Unset => Observed::Known(Vec::new()),
            Fact::Computed(_) | Fact::Open(_) => Observed::Unknown(gap()),
        }
    }

    /// Returns whether the image is known and has no encrypted volume.
    pub(super) fn has_plain_image(&self) -> bool {
        let Some(Fact::Known(mappings)) = self.image.map(|it| it.blocks("block_device_mappings"))
        else {
            return self.public_image.is_some();
        };
        // The mapping of an instance store volume has no attributes of a volume.
        let mut volumes = mappings.iter().filter(|it| has_volume(it)).peekable();
        let is_plain = |mapping: &View<'_>| {
            let ebs = mapping.values.get("ebs").and_then(|it| it.get("encrypted"));
            ebs.is_some_and(|it| *it == false || *it == "false")
        };
        volumes.peek().is_some() && volumes.all(is_plain)
    }

    /// Returns what its image says about a volume for which neither the instance nor its launch template names a
    /// snapshot; `None` if the image has no such volume, or a volume that is not encrypted.
    pub(super) fn find_encryption(
        &self,
        device: Option<&str>,
        (is_root, is_of_image): (bool, bool),
    ) -> Option<ImageEncryption> {
        let unknown = |gap: &Gap| ImageEncryption {
            encrypted: Observed::Unknown(gap.clone()),
            kms_key: Observed::Unknown(gap.clone()),
        };
        let is_settled = is_root && self.has_plain_image();
        let Some(image) = self.account_image else {
            let gap = self.image_gap.as_ref().filter(|_| is_root && !is_settled)?;
            return Some(unknown(gap));
        };
        let device = match is_root {
            true => image.root_device.known().map(String::as_str),
            false => device,
        };
        let found = image.volume(device?)?;
        match (&found.encrypted, is_root || is_of_image) {
            (Observed::Known(false), _) => None,
            (_, true) => Some(ImageEncryption {
                encrypted: found.encrypted.clone(),
                kms_key: found.kms_key.clone(),
            }),
            (_, false) => Some(unknown(&unplanned(format!(
                "{} replaces an encrypted volume of its image, and it is not documented whether the new one is made from the same snapshot",
                self.instance.item.address
            )))),
        }
    }

    /// Returns whether the account shows that the root volume is made from a snapshot that is not encrypted.
    pub(super) fn has_plain_root(&self) -> bool {
        let root = self
            .account_image
            .and_then(|it| it.volume(it.root_device.known()?));
        root.is_some_and(|it| it.encrypted == Observed::Known(false))
    }

    /// Returns the volumes that its image adds to those of some devices, if the account shows the image.
    pub(super) fn more_volumes(&self, named: &[&str]) -> Vec<&'a ImageVolume> {
        let image = self.account_image.filter(|_| !self.instance.item.exists);
        image.map_or_else(Vec::new, |it| it.more_volumes(named))
    }

    /// Returns the name of the root device of its image.
    pub(super) fn root_device_name(&self) -> Option<&'a str> {
        let shown = match self.image {
            Some(image) => image.text("root_device_name").known(),
            None => self.public_image.map(|it| it.root_device),
        };
        let of_account = self.account_image.and_then(|it| it.root_device.known());
        shown.or(of_account.map(String::as_str))
    }

    /// Returns why an instance has volumes that neither it nor its launch template names: its image adds them.
    pub(super) fn extra_image_volumes(&self, named: &[&str]) -> Option<Gap> {
        let is_open = !self.instance.item.exists && self.account_image.is_none();
        let image = self.image.filter(|_| is_open)?;
        let root = self.root_device_name();
        let mappings = image.blocks("block_device_mappings").known()?;
        let is_more = |mapping: &View<'_>| {
            let device = mapping.text("device_name").known();
            has_volume(mapping) && device.is_some_and(|it| !named.contains(&it) && root != Some(it))
        };
        let more = mappings.iter().filter(|it| is_more(it)).count();
        // If the image does not name its root device, one of its volumes is the root volume.
        (more > usize::from(root.is_none())).then(|| {
            unplanned(format!(
                "the image of {} adds volumes that the plan does not contain",
                self.instance.item.address
            ))
        })
    }
}

/// Whether a device of an image is an EBS volume.
fn has_volume(mapping: &View<'_>) -> bool {
    let ebs = mapping.values.get("ebs").and_then(Value::as_object);
    ebs.is_some_and(|it| !it.is_empty())
}

/// Returns the launch template that a block names, if the plan contains the version in use; `None` if it
/// names none.
///
/// # Errors
/// Why its contents are not known.
pub(super) fn read_template<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    block: &str,
) -> Result<Option<&'a Item<'a>>, Gap> {
    let outside = || {
        let address = view.item.address;
        unplanned(format!(
            "the launch template of {address}, which the plan does not contain, may add volumes and tags"
        ))
    };
    let blocks = match view.fact(block) {
        // A new instance gets none that it does not name.
        Fact::Computed(_) | Fact::Unset => return Ok(None),
        _ => view.blocks(block).set_value()?.unwrap_or_default(),
    };
    let Some(named) = blocks.first() else {
        return Ok(None);
    };
    let kinds = ["aws_launch_template"];
    let names = ["id", "name", "launch_template_id", "launch_template_name"];
    for name in names {
        let found = reader.linked_item(named, name, &kinds, &["id", "name"])?;
        if let Some(template) = found {
            let is_known = has_known_version(reader, named, template);
            return match is_known {
                true => Ok(Some(template)),
                false => Err(unplanned(format!(
                    "the plan does not contain the version of {} that {} uses",
                    template.address, view.item.address
                ))),
            };
        }
    }
    Err(outside())
}

/// Returns whether the version that a block names is the one in the plan. A new template has one version.
fn has_known_version<'a>(reader: &Reader<'a>, named: &View<'a>, template: &'a Item<'a>) -> bool {
    if !template.exists {
        return true;
    }
    let view = template.view();
    let is_unchanged = template.before == template.values;
    let latest = view.number("latest_version").known();
    match reader.resolve_link(named, "version", &["aws_launch_template"]) {
        Link::Named("$Latest") => true,
        Link::Named("$Default") | Link::Nothing => {
            view.flag("update_default_version").known() == Some(true)
                || (is_unchanged && view.number("default_version").known() == latest)
        }
        Link::Named(number) => is_unchanged && number.parse().ok() == latest,
        // `latest_version` of the template itself.
        Link::To(_) => true,
        Link::OneOf(..) | Link::Open(_) => false,
    }
}

/// Returns the image of the account whose id a data source read from a parameter of Systems Manager. The provider
/// marks the value as sensitive, so a gap does not name it.
fn find_hidden_image<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
    region: &str,
) -> Option<Result<&'a Image, Gap>> {
    let id = view.values.get(name)?.as_str()?;
    let parameter = find_parameter_of(reader, id)?;
    let found = reader.around.find_image(region, id)?;
    Some(found.map_err(|_| {
        let parameter = parameter
            .view()
            .text("name")
            .known()
            .unwrap_or(parameter.address);
        unplanned(format!(
            "the account that was read does not show the image that the parameter {parameter} names"
        ))
    }))
}

/// Returns the data source that read a value from a parameter of Systems Manager.
fn find_parameter_of<'a>(reader: &Reader<'a>, value: &str) -> Option<&'a Item<'a>> {
    let values = ["value", "insecure_value"];
    let mut items = reader.document.items.iter();
    items.find(|it| {
        let is_parameter = it.is_data && it.kind == "aws_ssm_parameter";
        is_parameter && values.iter().any(|name| it.values[*name] == *value)
    })
}

/// Returns an image if a data source looked it up.
fn find_image<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str) -> Option<View<'a>> {
    let mut images = reader.document.items_of(data_type("aws_ami"));
    let item = match reader.resolve_link(view, name, &["data.aws_ami"]) {
        Link::Named(id) => images.find(|it| it.view().text("id").known() == Some(id)),
        Link::To(item) => Some(item),
        Link::Nothing | Link::OneOf(..) | Link::Open(_) => None,
    };
    item.map(Item::view)
}

/// Returns the public image of which a data source read the parameter of Systems Manager that names it. The
/// provider marks the value of a parameter as sensitive; here it is only compared.
fn find_parameter<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
) -> Option<&'static PublicImage> {
    let image = view.values.get(name)?.as_str()?;
    // A launch template may leave it to EC2 to read the parameter:
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html
    if let Some(parameter) = image.strip_prefix("resolve:ssm:") {
        return find_public_image(parameter);
    }
    let parameter = find_parameter_of(reader, image)?.view();
    find_public_image(parameter.text("name").known()?)
}
