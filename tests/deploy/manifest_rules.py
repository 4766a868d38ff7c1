"""What schemas do not say of manifests: names that lead nowhere, labels that match
nobody, programs started with flags that they do not have. Each check yields messages."""

import re

WORKLOADS = ("Deployment", "StatefulSet")
GPU = "nvidia.com/gpu"


def title(resource):
    return f"{resource['kind']} {resource['metadata']['name']}"


def of_kind(resources, *kinds):
    return [r for r in resources if r["kind"] in kinds]


def names_of(resources, kind):
    return {r["metadata"]["name"] for r in of_kind(resources, kind)}


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def labels_of(workload):
    return workload["spec"]["template"]["metadata"].get("labels", {})


def matches(selector, labels):
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions", []):
        if term["operator"] != "In":
            raise ValueError(f"selector operator {term['operator']} is not known here")
        if labels.get(term["key"]) not in term["values"]:
            return False
    return True


def selected(resources, selector):
    return [w for w in of_kind(resources, *WORKLOADS) if matches(selector, labels_of(w))]


def has_port(workload, port):
    ports = [p for c in pod_of(workload)["containers"] for p in c.get("ports", [])]
    return any(port in (p.get("name"), p["containerPort"]) for p in ports)


def check_selectors(resources):
    """Workloads find their pods; spread constraints, budgets, services and policies some."""
    for workload in of_kind(resources, *WORKLOADS):
        if not matches(workload["spec"]["selector"], labels_of(workload)):
            yield f"{title(workload)}: its selector does not match its own pods"
        rivals = selected(resources, workload["spec"]["selector"])
        yield from (f"{title(workload)}: its selector matches the pods of {title(r)}, too"
                    for r in rivals if r is not workload)
        for spread in pod_of(workload).get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"], labels_of(workload)):
                yield f"{title(workload)}: topology spread does not count its own pods"
    for budget in of_kind(resources, "PodDisruptionBudget"):
        if not selected(resources, budget["spec"]["selector"]):
            yield f"{title(budget)}: its selector matches no pod"
    for service in of_kind(resources, "Service"):
        pods = selected(resources, {"matchLabels": service["spec"]["selector"]})
        if not pods:
            yield f"{title(service)}: its selector matches no pod"
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            yield from (f"{title(service)}: {title(p)} has no port {target}"
                        for p in pods if not has_port(p, target))


def check_policies(resources):
    for policy in of_kind(resources, "NetworkPolicy"):
        spec = policy["spec"]
        pods = selected(resources, spec["podSelector"])
        if not pods:
            yield f"{title(policy)}: its selector matches no pod"
        for rule in spec.get("ingress", []):
            for port in rule.get("ports", []):
                yield from (f"{title(policy)}: {title(p)} has no port {port['port']}"
                            for p in pods if not has_port(p, port["port"]))
        for peer in [p for rule in spec.get("ingress", []) for p in rule.get("from", [])] + [
                p for rule in spec.get("egress", []) for p in rule.get("to", [])]:
            if "podSelector" in peer and not selected(resources, peer["podSelector"]):
                yield f"{title(policy)}: a peer matches no pod: {peer['podSelector']}"
        for rule in spec.get("egress", []):
            targets = [t for p in rule.get("to", []) if "podSelector" in p
                       for t in selected(resources, p["podSelector"])]
            for port in rule.get("ports", []):
                yield from (f"{title(policy)}: {title(t)} has no port {port['port']}"
                            for t in targets if not has_port(t, port["port"]))


def references_of(pod):
    """(kind, name, key or None) of all that a pod names."""
    yield "ServiceAccount", pod.get("serviceAccountName", "default"), None
    for volume in pod.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"], None
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"], None
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], None
    for container in pod["containers"] + pod.get("initContainers", []):
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if field in source:
                    yield kind, source[field]["name"], source[field]["key"]


def check_references(resources):
    """All that is named is there."""
    by_name = {(r["kind"], r["metadata"]["name"]): r for r in resources}
    for workload in of_kind(resources, *WORKLOADS):
        for kind, name, key in references_of(pod_of(workload)):
            target = by_name.get((kind, name))
            if target is None:
                yield f"{title(workload)}: there is no {kind} {name}"
            elif key and key not in {**target.get("data", {}), **target.get("stringData", {})}:
                yield f"{title(workload)}: {kind} {name} has no key {key}"
        pod = pod_of(workload)
        volumes = {v["name"] for v in pod.get("volumes", [])}
        volumes |= {c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])}
        mounts = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])}
        yield from (f"{title(workload)}: no volume {m}" for m in sorted(mounts - volumes))
        yield from (f"{title(workload)}: nobody mounts {v}" for v in sorted(volumes - mounts))
        service = workload["spec"].get("serviceName")
        if workload["kind"] == "StatefulSet" and ("Service", service) not in by_name:
            yield f"{title(workload)}: there is no Service {service}"
    for scaler in of_kind(resources, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = by_name.get((target["kind"], target["name"]))
        if workload is None:
            yield f"{title(scaler)}: there is no {target['kind']} {target['name']}"
        elif "replicas" in workload["spec"]:
            yield f"{title(scaler)}: {title(workload)} must not set replicas"
    for ingress in of_kind(resources, "Ingress"):
        secrets = [t["secretName"] for t in ingress["spec"].get("tls", [])]
        for key, value in ingress["metadata"].get("annotations", {}).items():
            if key.endswith("/auth-tls-secret"):
                secrets.append(value.split("/")[-1])
        yield from (f"{title(ingress)}: there is no Secret {s}" for s in secrets
                    if ("Secret", s) not in by_name)
        for path in [p for rule in ingress["spec"]["rules"] for p in rule["http"]["paths"]]:
            backend = path["backend"]["service"]
            service = by_name.get(("Service", backend["name"]))
            if service is None:
                yield f"{title(ingress)}: there is no Service {backend['name']}"
            elif not any(p["name"] == backend["port"]["name"] for p in service["spec"]["ports"]):
                yield f"{title(ingress)}: {title(service)} has no port {backend['port']['name']}"
    for claim in of_kind(resources, "PersistentVolumeClaim"):
        volume = claim["spec"].get("volumeName")
        if volume and ("PersistentVolume", volume) not in by_name:
            yield f"{title(claim)}: there is no PersistentVolume {volume}"


def check_monitors(resources):
    for monitor in of_kind(resources, "ServiceMonitor"):
        services = [s for s in of_kind(resources, "Service")
                    if matches(monitor["spec"]["selector"], s["metadata"].get("labels", {}))]
        if not services:
            yield f"{title(monitor)}: its selector matches no Service"
        for endpoint in monitor["spec"]["endpoints"]:
            yield from (f"{title(monitor)}: {title(s)} has no port {endpoint['port']}"
                        for s in services
                        if endpoint["port"] not in [p["name"] for p in s["spec"]["ports"]])
    for monitor in of_kind(resources, "PodMonitor"):
        pods = selected(resources, monitor["spec"]["selector"])
        if not pods:
            yield f"{title(monitor)}: its selector matches no pod"
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            yield from (f"{title(monitor)}: {title(p)} has no port {endpoint['port']}"
                        for p in pods if not has_port(p, endpoint["port"]))


def check_security(resources):
    """Pod security standard `restricted`, a read-only root, no token."""
    for workload in of_kind(resources, *WORKLOADS):
        pod = pod_of(workload)
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or not context.get("runAsUser"):
            yield f"{title(workload)}: expected runAsNonRoot and a runAsUser above 0"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{title(workload)}: expected the seccomp profile RuntimeDefault"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{title(workload)}: expected automountServiceAccountToken: false"
        for container in pod["containers"] + pod.get("initContainers", []):
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"{title(workload)}: expected allowPrivilegeEscalation: false"
            if own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{title(workload)}: expected that all capabilities are dropped"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{title(workload)}: expected readOnlyRootFilesystem: true"
    for account in of_kind(resources, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{title(account)}: expected automountServiceAccountToken: false"
    for binding in of_kind(resources, "RoleBinding", "ClusterRoleBinding"):
        yield f"{title(binding)}: no program here needs rights"


def check_resources(resources):
    """GPUs: requests equal limits, as the API server wants. Memory has a limit."""
    for workload in of_kind(resources, *WORKLOADS):
        for container in pod_of(workload)["containers"]:
            requests = container.get("resources", {}).get("requests", {})
            limits = container.get("resources", {}).get("limits", {})
            if requests.get(GPU) != limits.get(GPU):
                yield (f"{title(workload)}: requests {requests.get(GPU)} of {GPU}, "
                       f"limits {limits.get(GPU)}: expected the same")
            if "memory" not in limits:
                yield f"{title(workload)}: expected a limit of memory"
            if any("cuda" in a for a in container.get("args", [])) != (GPU in limits):
                yield f"{title(workload)}: expected --device=cuda:0 if and only if it has {GPU}"


def flags_of(container):
    return dict(re.fullmatch(r"(--[a-z-]+)(?:=(.*))?", a).groups()
                for a in container.get("args", []) if a.startswith("--"))


def check_drain(resources):
    for workload in of_kind(resources, *WORKLOADS):
        pod = pod_of(workload)
        for container in pod["containers"]:
            grace = flags_of(container).get("--grace")
            if grace and pod["terminationGracePeriodSeconds"] <= float(grace):
                yield (f"{title(workload)}: terminationGracePeriodSeconds "
                       f"{pod['terminationGracePeriodSeconds']}: expected more than --grace={grace}")


def check_probes(resources):
    for workload in of_kind(resources, *WORKLOADS):
        for container in pod_of(workload)["containers"]:
            for name in ("startupProbe", "livenessProbe", "readinessProbe"):
                probe = container.get(name, {})
                port = probe.get("httpGet", probe.get("grpc", {})).get("port")
                if port and not has_port(workload, port):
                    yield f"{title(workload)}: {name}: there is no port {port}"
            for flag in ("--listen", "--metrics"):
                value = flags_of(container).get(flag)
                if value and not has_port(workload, int(value.rsplit(":", 1)[1])):
                    yield f"{title(workload)}: {flag}={value}: the container has no such port"


def check_coordinator_address(resources):
    services = {f"{s['metadata']['name']}:{p['port']}"
                for s in of_kind(resources, "Service") for p in s["spec"]["ports"]}
    for workload in of_kind(resources, *WORKLOADS):
        for container in pod_of(workload)["containers"]:
            addresses = [flags_of(container).get("--coordinator")]
            addresses += [v.get("value") for v in container.get("env", [])
                          if v["name"] == "MERGANSER_COORDINATOR"]
            yield from (f"{title(workload)}: no Service serves {a}"
                        for a in addresses if a and a not in services)


CHECKS = (check_selectors, check_policies, check_references, check_monitors, check_security,
          check_resources, check_drain, check_probes, check_coordinator_address)


def program_of(container):
    """`merganser-worker` of an image registry.example.com/merganser-worker:tag."""
    return container["image"].rsplit("/", 1)[-1].split(":")[0]


def check_flags(resources, known_flags):
    """known_flags: flags of each program, by its name."""
    for workload in of_kind(resources, *WORKLOADS):
        for container in pod_of(workload)["containers"]:
            known = known_flags.get(program_of(container))
            if known is None or "command" in container:
                continue
            yield from (f"{title(workload)}: {program_of(container)} has no flag {flag}"
                        for flag in flags_of(container) if flag not in known)
