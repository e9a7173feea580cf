#!/usr/bin/env python3
"""Writes a price file for `backup-check cost --prices` from AWS's public price lists. It needs no account.

    .ci/prices.py eu-central-1 eu-west-1 > prices.toml
    .ci/prices.py --folder FOLDER eu-west-1     read FOLDER/<offer>/<region>/index.csv instead

The list of AmazonEC2 has several hundred MB for each region; it is read line by line and not kept.
Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-ppslong.html
"""

import argparse
import csv
import io
import pathlib
import re
import sys
import urllib.request

ROOT = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"

# The usage type of a region starts with its prefix, such as EUC1-; that of us-east-1 may have none. A second
# prefix is for copies from another region, and the suffix -LAGV for logically air-gapped vaults.
PREFIX = r"^(?:[A-Z]{2,4}\d?-)?"
OFFERS = {
    "AmazonEC2": {"ebs-snapshot": "EBS:SnapshotUsage$", "ebs-archive": "EBS:SnapshotArchiveStorage$"},
    "AmazonRDS": {
        "rds-backup": "RDS:ChargedBackupUsage$",
        "aurora-backup": "Aurora:BackupUsage$",
    },
    "AWSBackup": {
        "efs-backup": "WarmStorage-ByteHrs-EFS$",
        "efs-cold-backup": "ColdStorage-ByteHrs-EFS$",
        "s3-backup": "WarmStorage-ByteHrs-S3$",
        "dynamodb-backup": "WarmStorage-ByteHrs-DynamoDB$",
        "dynamodb-cold-backup": "ColdStorage-ByteHrs-DynamoDB$",
    },
}
TRANSFER_OFFER = "AWSDataTransfer"
TRANSFER = re.compile(r"-AWS-Out-Bytes$")


def open_list(folder, offer, region):
    """Returns the lines of a price list and where it is."""
    url = f"{ROOT}/{offer}/current/{region}/index.csv"
    if folder is not None:
        return (folder / offer / region / "index.csv").open(newline="", encoding="utf-8"), url
    return io.TextIOWrapper(urllib.request.urlopen(url, timeout=60), encoding="utf-8", newline=""), url


def read_rows(lines):
    """Returns the date of publication, and the rows by column names in lower case without blanks."""
    reader = csv.reader(lines)
    published = ""
    for row in reader:
        if row and row[0] == "Publication Date":
            published = row[1][:10]
        if row and row[0] == "SKU":
            break
    else:
        raise SystemExit("a price list has no row that starts with SKU")
    names = [name.replace(" ", "").lower() for name in row]
    return published, (dict(zip(names, row)) for row in reader)


def read_price(row):
    """Returns the price of a GB in USD, or None for a row of another kind."""
    if row.get("termtype") != "OnDemand" or row.get("currency") != "USD" or not row.get("unit", "").startswith("GB"):
        return None
    # Of tiers the first one counts, which is the most expensive.
    if row.get("startingrange", "0") not in ("", "0"):
        return None
    return float(row["priceperunit"])


def add_price(prices, key, usd):
    """Keeps a price, unless the list has two for the same thing: then it is not known which one counts."""
    if prices.setdefault(key, usd) != usd:
        prices[key] = None


def write_prices(title, prices, published, url):
    for key in sorted(prices):
        if prices[key] is None:
            print(f"warning: {title}: more than one price of {key}", file=sys.stderr)
            continue
        print(f'{key} = {{ usd = {prices[key]!r}, as_of = "{published}", source = "{url}" }}')


def write_region(folder, region):
    print(f"\n[region.{region}]")
    for offer, items in OFFERS.items():
        lines, url = open_list(folder, offer, region)
        with lines:
            published, rows = read_rows(lines)
            prices = {}
            for row in rows:
                usd = read_price(row)
                for item, usage in items.items():
                    if usd is not None and re.match(PREFIX + usage, row["usagetype"]):
                        add_price(prices, item, usd)
        write_prices(region, prices, published, url)


def write_transfers(folder, region):
    lines, url = open_list(folder, TRANSFER_OFFER, region)
    with lines:
        published, rows = read_rows(lines)
        prices = {}
        for row in rows:
            usd, target = read_price(row), row.get("toregioncode", "")
            if usd is not None and TRANSFER.search(row["usagetype"]) and row.get("fromregioncode") == region and target:
                add_price(prices, target, usd)
    prices.pop(region, None)
    if prices:
        print(f"\n[transfer.{region}]")
        write_prices(f"transfer from {region}", prices, published, url)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, help="read the lists in this folder and not from AWS")
    parser.add_argument("region", nargs="+")
    arguments = parser.parse_args()
    print("# Written by .ci/prices.py from AWS's public price lists: USD for a GB and a month.")
    for region in arguments.region:
        write_region(arguments.folder, region)
    for region in arguments.region:
        write_transfers(arguments.folder, region)


if __name__ == "__main__":
    main()
