#!/usr/bin/env bash
# A Slurm cluster of one node on loopback, from Debian's packages, without systemd:
#   slurm.sh start FOLDER    then export SLURM_CONF=FOLDER/slurm.conf
#   slurm.sh stop FOLDER
# As root it installs the packages if they are missing. Exit code 77: it cannot run here.
set -euo pipefail
verb=$1
mkdir -p "$2"
folder=$(realpath "$2")
export PATH=$PATH:/usr/sbin SLURM_CONF=$folder/slurm.conf

cannot() {
    echo "$*"
    exit 77
}

install() {
    [ "$(id -u)" = 0 ] || cannot "Slurm is not installed, and only root can install it"
    command -v apt-get > /dev/null || cannot "Slurm is not installed, and there is no apt-get"
    export DEBIAN_FRONTEND=noninteractive
    timeout 240 sh -c 'apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge' \
        > "$folder/apt.log" 2>&1 || cannot "apt-get cannot install slurm-wlm and munge"
}

configure() {
    local ports node=$(hostname -s)
    ports=$(python3 -c 'import socket
a, b = socket.socket(), socket.socket()
for s in (a, b): s.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
    # munge wants folders that only their owner can write, up to the root or a sticky one.
    mkdir -p "$folder"/state "$folder"/spool "$folder"/munge
    chmod 700 "$folder"/munge
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
    # Four CPUs whatever the machine has, no cgroups, no accounting.
    cat > "$SLURM_CONF" << END
ClusterName=loopback
SlurmctldHost=$node(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
SlurmctldPort=${ports% *}
SlurmdPort=${ports#* }
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SchedulerParameters=batch_sched_delay=1,sched_interval=1
KillWait=5
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

start() {
    for command in slurmctld slurmd munged sbatch; do
        command -v $command > /dev/null || install
    done
    configure
    munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" \
        --seed-file="$folder/munge/seed" 2> "$folder/munge/stderr" || cannot "munged does not start"
    slurmctld 2> "$folder/stderr" || cannot "slurmctld does not start"
    slurmd 2>> "$folder/stderr" || cannot "slurmd does not start"
    for _ in $(seq 300); do
        [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ] && return
        sleep 0.1
    done
    cannot "the node does not come up: $(sinfo 2>&1 | tail -n 1)"
}

stop() {
    scancel --me || true
    for _ in $(seq 100); do
        [ -z "$(squeue --noheader)" ] && break
        sleep 0.1
    done
    for file in slurmd.pid slurmctld.pid munge/pid; do
        [ -f "$folder/$file" ] && kill "$(cat "$folder/$file")"
    done
}

"$verb"
