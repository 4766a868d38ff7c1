#!/usr/bin/env python3
"""Breaks manifests that are right, one thing at a time, and sees each fault reported."""

import copy
import unittest

import manifest_rules
import validate_manifests

GOOD = validate_manifests.render("gpu-standby", [])


class Manifests(unittest.TestCase):
    def setUp(self):
        self.resources = copy.deepcopy(GOOD)

    def find(self, kind, name):
        return next(r for r in self.resources
                    if r["kind"] == kind and r["metadata"]["name"].startswith(name))

    def pod(self, kind, name):
        return self.find(kind, name)["spec"]["template"]["spec"]

    def container(self, kind, name):
        return self.pod(kind, name)["containers"][0]

    def expect_schema_fault(self, resource, text):
        messages = list(validate_manifests.check_schema(resource))
        self.assertTrue(any(text in m for m in messages), messages)

    def expect_fault(self, text):
        messages = [m for rule in manifest_rules.CHECKS for m in rule(self.resources)]
        self.assertTrue(any(text in m for m in messages), messages)


class SchemasCatch(Manifests):
    def test_a_wrong_field(self):
        worker = self.find("Deployment", "merganser-worker-a100")
        worker["spec"]["template"]["spec"]["nodeSelectors"] = {}
        self.expect_schema_fault(worker, "nodeSelectors")

    def test_a_wrong_field_in_each_version(self):
        redis = self.find("StatefulSet", "merganser-redis")
        redis["spec"]["replica"] = 1
        messages = list(validate_manifests.check_schema(redis))
        self.assertEqual(len(messages), len(validate_manifests.VERSIONS))

    def test_a_wrong_type(self):
        coordinator = self.find("StatefulSet", "merganser-coordinator")
        coordinator["spec"]["replicas"] = "two"
        self.expect_schema_fault(coordinator, "two")

    def test_an_unknown_kind(self):
        self.expect_schema_fault(
            {"apiVersion": "apps/v1", "kind": "Deploiment", "metadata": {"name": "x"}},
            "unknown kind Deploiment")

    def test_a_kind_of_an_operator_that_is_not_checked(self):
        self.expect_schema_fault(
            {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "x"}},
            "unknown kind ScaledObject")

    def test_a_wrong_field_of_an_operator(self):
        monitor = self.find("PodMonitor", "merganser-worker")
        monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = "10s"
        self.expect_schema_fault(monitor, "spec.podMetricsEndpoints[0].intervall is no field")

    def test_a_wrong_type_of_an_operator(self):
        rule = self.find("PrometheusRule", "merganser")
        rule["spec"]["groups"] = "none"
        self.expect_schema_fault(rule, "groups")


class RulesCatch(Manifests):
    def test_nothing_in_what_is_right(self):
        self.assertEqual([m for rule in manifest_rules.CHECKS for m in rule(self.resources)], [])

    def test_gpus_requested_and_not_limited(self):
        self.container("Deployment", "merganser-worker-a100")["resources"]["limits"][
            manifest_rules.GPU] = "2"
        self.expect_fault("expected the same")

    def test_a_gpu_worker_on_the_cpu(self):
        args = self.container("Deployment", "merganser-worker-a100")["args"]
        args[args.index("--device=cuda:0")] = "--device=cpu"
        self.expect_fault("--device=cuda:0 if and only if")

    def test_a_selector_that_misses_its_pods(self):
        self.find("Deployment", "merganser-worker-a100")["spec"]["selector"]["matchLabels"][
            "merganser-gpu"] = "h100"
        self.expect_fault("does not match its own pods")

    def test_two_workloads_with_one_selector(self):
        for name in ("merganser-worker-a100", "merganser-worker-l4-spot"):
            worker = self.find("Deployment", name)
            worker["spec"]["selector"]["matchLabels"].pop("merganser-gpu")
        self.expect_fault("matches the pods of Deployment merganser-worker-l4-spot, too")

    def test_a_budget_for_nobody(self):
        self.find("PodDisruptionBudget", "merganser-redis")["spec"]["selector"]["matchLabels"][
            "app.kubernetes.io/component"] = "valkey"
        self.expect_fault("PodDisruptionBudget merganser-redis: its selector matches no pod")

    def test_a_service_for_nobody(self):
        self.find("Service", "merganser-redis")["spec"]["selector"] = {"app": "redis"}
        self.expect_fault("Service merganser-redis: its selector matches no pod")

    def test_a_service_with_a_port_that_nobody_has(self):
        self.find("Service", "merganser-redis")["spec"]["ports"][0]["targetPort"] = 6380
        self.expect_fault("has no port 6380")

    def test_a_policy_for_nobody(self):
        self.find("NetworkPolicy", "merganser-redis")["spec"]["podSelector"] = {
            "matchLabels": {"app": "redis"}}
        self.expect_fault("NetworkPolicy merganser-redis: its selector matches no pod")

    def test_a_policy_that_admits_nobody(self):
        peers = self.find("NetworkPolicy", "merganser-redis")["spec"]["ingress"][0]["from"]
        peers[0]["podSelector"] = {"matchLabels": {"app": "coordinator"}}
        self.expect_fault("a peer matches no pod")

    def test_names_that_lead_nowhere(self):
        for kind, name in (("ConfigMap", "merganser-redis"), ("Secret", "merganser-redis"),
                           ("Secret", "merganser-tls"), ("Secret", "merganser-client-ca"),
                           ("PersistentVolumeClaim", "merganser-models"),
                           ("PersistentVolume", "merganser-models"),
                           ("ServiceAccount", "merganser-worker"),
                           ("Service", "merganser-coordinator-pods")):
            with self.subTest(kind=kind, name=name):
                self.resources = copy.deepcopy(GOOD)
                gone = self.find(kind, name)
                self.resources.remove(gone)
                self.expect_fault(f"there is no {manifest_rules.title(gone)}")

    def test_a_key_that_a_secret_lacks(self):
        self.find("Secret", "merganser-redis")["data"].pop("password")
        self.expect_fault("has no key password")

    def test_a_mount_without_a_volume(self):
        self.container("StatefulSet", "merganser-redis")["volumeMounts"][0]["name"] = "data"
        self.expect_fault("no volume data")

    def test_an_autoscaler_of_nobody(self):
        self.find("HorizontalPodAutoscaler", "merganser")["spec"]["scaleTargetRef"]["name"] = "x"
        self.expect_fault("there is no Deployment x")

    def test_an_autoscaler_against_fixed_replicas(self):
        self.find("Deployment", "merganser-worker-a100")["spec"]["replicas"] = 3
        self.expect_fault("must not set replicas")

    def test_a_monitor_of_nobody(self):
        self.find("ServiceMonitor", "merganser")["spec"]["selector"]["matchLabels"]["x"] = "y"
        self.expect_fault("matches no Service")

    def test_a_monitor_of_a_port_that_nobody_has(self):
        self.find("PodMonitor", "merganser")["spec"]["podMetricsEndpoints"][0]["port"] = "web"
        self.expect_fault("has no port web")

    def test_a_drain_that_is_cut_off(self):
        self.pod("Deployment", "merganser-worker-a100")["terminationGracePeriodSeconds"] = 120
        self.expect_fault("expected more than --grace=120")

    def test_a_writable_root(self):
        self.container("Deployment", "merganser-client")["securityContext"].pop(
            "readOnlyRootFilesystem")
        self.expect_fault("expected readOnlyRootFilesystem: true")

    def test_a_probe_of_a_port_that_nobody_has(self):
        self.container("StatefulSet", "merganser-coordinator")["readinessProbe"]["grpc"][
            "port"] = 50052
        self.expect_fault("readinessProbe: there is no port 50052")

    def test_metrics_on_another_port(self):
        args = self.container("Deployment", "merganser-worker-a100")["args"]
        args[args.index("--metrics=0.0.0.0:9464")] = "--metrics=0.0.0.0:9465"
        self.expect_fault("the container has no such port")

    def test_an_address_that_nobody_serves(self):
        args = self.container("Deployment", "merganser-worker-a100")["args"]
        args[0] = "--coordinator=coordinator:50051"
        self.expect_fault("no Service serves coordinator:50051")

    def test_a_flag_that_the_program_does_not_have(self):
        known = {"merganser-worker": {"--coordinator", "--device", "--models-root", "--grace",
                                      "--metrics"}}
        messages = list(manifest_rules.check_flags(self.resources, known))
        self.assertEqual(len(messages), 2)
        self.assertIn("merganser-worker has no flag --job-capacity", messages[0])


if __name__ == "__main__":
    unittest.main()
