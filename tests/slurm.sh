#!/usr/bin/env bash
# A Slurm cluster of one node, this machine, for tests: slurm.sh start FOLDER | stop FOLDER,
# and slurm.sh node FOLDER to start the node's daemon again.
#
# It is believed to have two GPUs, so that what jobs ask for can be tested, and two cores, so
# that a third job waits. A job that takes more memory than it asked for is killed.
#
# Needs root and Debian's packages slurm-wlm and munge. Everything lies in FOLDER, but for links
# to its slurm.conf and gres.conf at the place where Slurm's commands look: Snakemake's jobs
# start without $SLURM_CONF.
set -euo pipefail
command=$1
folder=$(realpath -m "$2")
etc=/etc/slurm

start() {
    if [ -L "$etc/slurm.conf" ]; then  # of a run of the tests that was killed
        stop_at "$(dirname "$(readlink "$etc/slurm.conf")")"
    fi
    if [ -e "$etc/slurm.conf" ]; then
        echo "$etc/slurm.conf: this machine has a cluster already" >&2
        exit 1
    fi
    mkdir -p "$folder"/{state,spool}
    chmod 755 "$folder"
    dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
    chmod 600 "$folder/munge.key"
    cat > "$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort=${SLURM_TEST_PORT:-16817}
SlurmdPort=$((${SLURM_TEST_PORT:-16817} + 1))
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
MpiDefault=none
SwitchType=switch/none
MinJobAge=3600
ReturnToService=2
MessageTimeout=60
SlurmdTimeout=10
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=2 RealMemory=6000 Gres=gpu:2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    printf 'Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n' > "$folder/gres.conf"
    munged --force --socket="$folder/munge.socket" --key-file="$folder/munge.key" \
        --log-file="$folder/munge.log" --pid-file="$folder/munge.pid" \
        --seed-file="$folder/munge.seed" 2> "$folder/munge.err"
    ln -sfn "$folder"/{slurm,gres}.conf "$etc"
    slurmctld
    node
    for _ in $(seq 60); do
        if sinfo --noheader --format=%t 2> /dev/null | grep -q idle; then
            return
        fi
        sleep 0.5
    done
    tail "$folder"/*.log >&2
    stop
    exit 1
}

node() {
    slurmd
}

stop() {
    stop_at "$folder"
}

stop_at() {
    for name in slurmd slurmctld munge; do
        if [ -f "$1/$name.pid" ]; then
            kill "$(cat "$1/$name.pid")" 2> /dev/null || true
        fi
    done
    if [ "$(readlink "$etc/slurm.conf")" = "$1/slurm.conf" ]; then
        rm -f "$etc"/{slurm,gres}.conf
    fi
}

"$command"
