#!/usr/bin/env bash
#SBATCH --job-name=backup-check
#SBATCH --array=0-39%10
#SBATCH --cpus-per-task=2
#SBATCH --mem=1G
#SBATCH --time=04:00:00
#SBATCH --requeue
# An organization as a Slurm array: each task scans one shard. RUN is a folder that all nodes see, with accounts.ndjson:
#
#   backup-check accounts --org --output "$RUN"
#   array=$(sbatch --parsable --export=ALL,RUN="$RUN" slurm.sh)
#   sbatch --dependency=afterany:"$array" --wrap="backup-check report $RUN"
#
# After a failure, submit it again: finished accounts are kept. SOURCE replaces the arguments that say how accounts are
# entered, such as SOURCE="--from snapshots".
set -euo pipefail

: "${RUN:?set it to the folder of the run}"
read -ra source <<< "${SOURCE:---role-name BackupCheck}"
exec backup-check scan "${source[@]}" --accounts "$RUN/accounts.ndjson" --shard "auto/$SLURM_ARRAY_TASK_COUNT" \
  --output "$RUN" --run "${RUN##*/}" --resume --fail-on never
