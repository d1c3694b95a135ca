/* Made by tests/crd/table; not to be edited. */
#include "config.h"

#include "crd.h"

#define ROW(n, t, s, ...) { .name = n, .type = t, .shape = s, __VA_ARGS__ }
#define S(n, ...) ROW(n, CRD_STRING, CRD_ONE, __VA_ARGS__)
#define I(n, ...) ROW(n, CRD_INT, CRD_ONE, __VA_ARGS__)
#define B(n, ...) ROW(n, CRD_BOOL, CRD_ONE, __VA_ARGS__)
#define Q(n, ...) ROW(n, CRD_INT_OR_STRING, CRD_ONE, __VA_ARGS__)
#define O(n, t, ...) ROW(n, CRD_OBJECT, CRD_ONE, .in = t, __VA_ARGS__)
#define LS(n, ...) ROW(n, CRD_STRING, CRD_LIST, __VA_ARGS__)
#define LI(n, ...) ROW(n, CRD_INT, CRD_LIST, __VA_ARGS__)
#define LO(n, t, ...) ROW(n, CRD_OBJECT, CRD_LIST, .in = t, __VA_ARGS__)
#define MS(n, ...) ROW(n, CRD_STRING, CRD_MAP, __VA_ARGS__)
#define MQ(n, ...) ROW(n, CRD_INT_OR_STRING, CRD_MAP, __VA_ARGS__)
#define MO(n, t, ...) ROW(n, CRD_OBJECT, CRD_MAP, .in = t, __VA_ARGS__)
#define END { .name = NULL }

static const struct crd_field t0[] = {
	S("priorityClassName"), S("queue"), MQ("resources"), END
};
static const struct crd_field t1[] = {
	LS("archives"), LS("excludePackages"), LS("files"), LS("jars"),
	LS("packages"), LS("pyFiles"), LS("repositories"), END
};
static const struct crd_field t2[] = {
	S("key", .required = true), S("operator", .required = true),
	LS("values"), END
};
static const struct crd_field t3[] = {
	LO("matchExpressions", t2), LO("matchFields", t2), END
};
static const struct crd_field t4[] = {
	O("preference", t3, .required = true), I("weight", .required = true),
	END
};
static const struct crd_field t5[] = {
	LO("nodeSelectorTerms", t3, .required = true), END
};
static const struct crd_field t6[] = {
	LO("preferredDuringSchedulingIgnoredDuringExecution", t4),
	O("requiredDuringSchedulingIgnoredDuringExecution", t5), END
};
static const struct crd_field t7[] = {
	LO("matchExpressions", t2), MS("matchLabels"), END
};
static const struct crd_field t8[] = {
	O("labelSelector", t7), LS("matchLabelKeys"), LS("mismatchLabelKeys"),
	O("namespaceSelector", t7), LS("namespaces"),
	S("topologyKey", .required = true), END
};
static const struct crd_field t9[] = {
	O("podAffinityTerm", t8, .required = true),
	I("weight", .required = true), END
};
static const struct crd_field t10[] = {
	LO("preferredDuringSchedulingIgnoredDuringExecution", t9),
	LO("requiredDuringSchedulingIgnoredDuringExecution", t8), END
};
static const struct crd_field t11[] = {
	O("nodeAffinity", t6), O("podAffinity", t10), O("podAntiAffinity", t10),
	END
};
static const struct crd_field t12[] = {
	S("name", .required = true), S("path", .required = true), END
};
static const struct crd_field t13[] = {
	S("name"), S("value"), END
};
static const struct crd_field t14[] = {
	LS("nameservers"), LO("options", t13), LS("searches"), END
};
static const struct crd_field t15[] = {
	S("key", .required = true), S("name"), B("optional"), END
};
static const struct crd_field t16[] = {
	S("apiVersion"), S("fieldPath", .required = true), END
};
static const struct crd_field t17[] = {
	S("containerName"), Q("divisor"), S("resource", .required = true), END
};
static const struct crd_field t18[] = {
	O("configMapKeyRef", t15), O("fieldRef", t16),
	O("resourceFieldRef", t17), O("secretKeyRef", t15), END
};
static const struct crd_field t19[] = {
	S("name", .required = true), S("value"), O("valueFrom", t18), END
};
static const struct crd_field t20[] = {
	S("name"), B("optional"), END
};
static const struct crd_field t21[] = {
	O("configMapRef", t20), S("prefix"), O("secretRef", t20), END
};
static const struct crd_field t22[] = {
	S("key", .required = true), S("name", .required = true), END
};
static const struct crd_field t23[] = {
	S("name", .required = true), I("quantity", .required = true), END
};
static const struct crd_field t24[] = {
	LS("hostnames"), S("ip", .required = true), END
};
static const struct crd_field t25[] = {
	LS("command"), END
};
static const struct crd_field t26[] = {
	S("name", .required = true), S("value", .required = true), END
};
static const struct crd_field t27[] = {
	S("host"), LO("httpHeaders", t26), S("path"),
	Q("port", .required = true), S("scheme"), END
};
static const struct crd_field t28[] = {
	I("seconds", .required = true), END
};
static const struct crd_field t29[] = {
	S("host"), Q("port", .required = true), END
};
static const struct crd_field t30[] = {
	O("exec", t25), O("httpGet", t27), O("sleep", t28), O("tcpSocket", t29),
	END
};
static const struct crd_field t31[] = {
	O("postStart", t30), O("preStop", t30), END
};
static const struct crd_field t32[] = {
	I("port", .required = true), S("service"), END
};
static const struct crd_field t33[] = {
	O("exec", t25), I("failureThreshold"), O("grpc", t32),
	O("httpGet", t27), I("initialDelaySeconds"), I("periodSeconds"),
	I("successThreshold"), O("tcpSocket", t29),
	I("terminationGracePeriodSeconds"), I("timeoutSeconds"), END
};
static const struct crd_field t34[] = {
	I("containerPort", .required = true), S("hostIP"), I("hostPort"),
	S("name"), S("protocol"), END
};
static const struct crd_field t35[] = {
	S("resourceName", .required = true),
	S("restartPolicy", .required = true), END
};
static const struct crd_field t36[] = {
	S("name", .required = true), S("request"), END
};
static const struct crd_field t37[] = {
	LO("claims", t36), MQ("limits"), MQ("requests"), END
};
static const struct crd_field t38[] = {
	S("localhostProfile"), S("type", .required = true), END
};
static const struct crd_field t39[] = {
	LS("add"), LS("drop"), END
};
static const struct crd_field t40[] = {
	S("level"), S("role"), S("type"), S("user"), END
};
static const struct crd_field t41[] = {
	S("gmsaCredentialSpec"), S("gmsaCredentialSpecName"), B("hostProcess"),
	S("runAsUserName"), END
};
static const struct crd_field t42[] = {
	B("allowPrivilegeEscalation"), O("appArmorProfile", t38),
	O("capabilities", t39), B("privileged"), S("procMount"),
	B("readOnlyRootFilesystem"), I("runAsGroup"), B("runAsNonRoot"),
	I("runAsUser"), O("seLinuxOptions", t40), O("seccompProfile", t38),
	O("windowsOptions", t41), END
};
static const struct crd_field t43[] = {
	S("devicePath", .required = true), S("name", .required = true), END
};
static const struct crd_field t44[] = {
	S("mountPath", .required = true), S("mountPropagation"),
	S("name", .required = true), B("readOnly"), S("recursiveReadOnly"),
	S("subPath"), S("subPathExpr"), END
};
static const struct crd_field t45[] = {
	LS("args"), LS("command"), LO("env", t19), LO("envFrom", t21),
	S("image"), S("imagePullPolicy"), O("lifecycle", t31),
	O("livenessProbe", t33), S("name", .required = true), LO("ports", t34),
	O("readinessProbe", t33), LO("resizePolicy", t35), O("resources", t37),
	S("restartPolicy"), O("securityContext", t42), O("startupProbe", t33),
	B("stdin"), B("stdinOnce"), S("terminationMessagePath"),
	S("terminationMessagePolicy"), B("tty"), LO("volumeDevices", t43),
	LO("volumeMounts", t44), S("workingDir"), END
};
static const struct crd_field t46[] = {
	O("appArmorProfile", t38), I("fsGroup"), S("fsGroupChangePolicy"),
	I("runAsGroup"), B("runAsNonRoot"), I("runAsUser"),
	S("seLinuxChangePolicy"), O("seLinuxOptions", t40),
	O("seccompProfile", t38), LI("supplementalGroups"),
	S("supplementalGroupsPolicy"), LO("sysctls", t26),
	O("windowsOptions", t41), END
};
static const struct crd_field t47[] = {
	I("containerPort", .required = true), S("name", .required = true),
	S("protocol", .required = true), END
};
static const struct crd_field t48[] = {
	S("name", .required = true), S("path", .required = true),
	S("secretType", .required = true), END
};
static const struct crd_field t49[] = {
	MS("annotations"), MS("labels"), END
};
static const struct crd_field t50[] = {
	S("effect"), S("key"), S("operator"), I("tolerationSeconds"),
	S("value"), END
};
static const struct crd_field t51[] = {
	S("fsType"), I("partition"), B("readOnly"),
	S("volumeID", .required = true), END
};
static const struct crd_field t52[] = {
	S("cachingMode"), S("diskName", .required = true),
	S("diskURI", .required = true), S("fsType"), S("kind"), B("readOnly"),
	END
};
static const struct crd_field t53[] = {
	B("readOnly"), S("secretName", .required = true),
	S("shareName", .required = true), END
};
static const struct crd_field t54[] = {
	S("name"), END
};
static const struct crd_field t55[] = {
	LS("monitors", .required = true), S("path"), B("readOnly"),
	S("secretFile"), O("secretRef", t54), S("user"), END
};
static const struct crd_field t56[] = {
	S("fsType"), B("readOnly"), O("secretRef", t54),
	S("volumeID", .required = true), END
};
static const struct crd_field t57[] = {
	S("key", .required = true), I("mode"), S("path", .required = true), END
};
static const struct crd_field t58[] = {
	I("defaultMode"), LO("items", t57), S("name"), B("optional"), END
};
static const struct crd_field t59[] = {
	S("driver", .required = true), S("fsType"),
	O("nodePublishSecretRef", t54), B("readOnly"), MS("volumeAttributes"),
	END
};
static const struct crd_field t60[] = {
	O("fieldRef", t16), I("mode"), S("path", .required = true),
	O("resourceFieldRef", t17), END
};
static const struct crd_field t61[] = {
	I("defaultMode"), LO("items", t60), END
};
static const struct crd_field t62[] = {
	S("medium"), Q("sizeLimit"), END
};
static const struct crd_field t63[] = {
	MS("annotations"), LS("finalizers"), MS("labels"), S("name"),
	S("namespace"), END
};
static const struct crd_field t64[] = {
	S("apiGroup"), S("kind", .required = true), S("name", .required = true),
	END
};
static const struct crd_field t65[] = {
	S("apiGroup"), S("kind", .required = true), S("name", .required = true),
	S("namespace"), END
};
static const struct crd_field t66[] = {
	MQ("limits"), MQ("requests"), END
};
static const struct crd_field t67[] = {
	LS("accessModes"), O("dataSource", t64), O("dataSourceRef", t65),
	O("resources", t66), O("selector", t7), S("storageClassName"),
	S("volumeAttributesClassName"), S("volumeMode"), S("volumeName"), END
};
static const struct crd_field t68[] = {
	O("metadata", t63), O("spec", t67, .required = true), END
};
static const struct crd_field t69[] = {
	O("volumeClaimTemplate", t68), END
};
static const struct crd_field t70[] = {
	S("fsType"), I("lun"), B("readOnly"), LS("targetWWNs"), LS("wwids"), END
};
static const struct crd_field t71[] = {
	S("driver", .required = true), S("fsType"), MS("options"),
	B("readOnly"), O("secretRef", t54), END
};
static const struct crd_field t72[] = {
	S("datasetName"), S("datasetUUID"), END
};
static const struct crd_field t73[] = {
	S("fsType"), I("partition"), S("pdName", .required = true),
	B("readOnly"), END
};
static const struct crd_field t74[] = {
	S("directory"), S("repository", .required = true), S("revision"), END
};
static const struct crd_field t75[] = {
	S("endpoints", .required = true), S("path", .required = true),
	B("readOnly"), END
};
static const struct crd_field t76[] = {
	S("path", .required = true), S("type"), END
};
static const struct crd_field t77[] = {
	S("pullPolicy"), S("reference"), END
};
static const struct crd_field t78[] = {
	B("chapAuthDiscovery"), B("chapAuthSession"), S("fsType"),
	S("initiatorName"), S("iqn", .required = true), S("iscsiInterface"),
	I("lun", .required = true), LS("portals"), B("readOnly"),
	O("secretRef", t54), S("targetPortal", .required = true), END
};
static const struct crd_field t79[] = {
	S("path", .required = true), B("readOnly"),
	S("server", .required = true), END
};
static const struct crd_field t80[] = {
	S("claimName", .required = true), B("readOnly"), END
};
static const struct crd_field t81[] = {
	S("fsType"), S("pdID", .required = true), END
};
static const struct crd_field t82[] = {
	S("fsType"), B("readOnly"), S("volumeID", .required = true), END
};
static const struct crd_field t83[] = {
	O("labelSelector", t7), S("name"), B("optional"),
	S("path", .required = true), S("signerName"), END
};
static const struct crd_field t84[] = {
	LO("items", t57), S("name"), B("optional"), END
};
static const struct crd_field t85[] = {
	LO("items", t60), END
};
static const struct crd_field t86[] = {
	S("audience"), I("expirationSeconds"), S("path", .required = true), END
};
static const struct crd_field t87[] = {
	O("clusterTrustBundle", t83), O("configMap", t84),
	O("downwardAPI", t85), O("secret", t84), O("serviceAccountToken", t86),
	END
};
static const struct crd_field t88[] = {
	I("defaultMode"), LO("sources", t87), END
};
static const struct crd_field t89[] = {
	S("group"), B("readOnly"), S("registry", .required = true), S("tenant"),
	S("user"), S("volume", .required = true), END
};
static const struct crd_field t90[] = {
	S("fsType"), S("image", .required = true), S("keyring"),
	LS("monitors", .required = true), S("pool"), B("readOnly"),
	O("secretRef", t54), S("user"), END
};
static const struct crd_field t91[] = {
	S("fsType"), S("gateway", .required = true), S("protectionDomain"),
	B("readOnly"), O("secretRef", t54, .required = true), B("sslEnabled"),
	S("storageMode"), S("storagePool"), S("system", .required = true),
	S("volumeName"), END
};
static const struct crd_field t92[] = {
	I("defaultMode"), LO("items", t57), B("optional"), S("secretName"), END
};
static const struct crd_field t93[] = {
	S("fsType"), B("readOnly"), O("secretRef", t54), S("volumeName"),
	S("volumeNamespace"), END
};
static const struct crd_field t94[] = {
	S("fsType"), S("storagePolicyID"), S("storagePolicyName"),
	S("volumePath", .required = true), END
};
static const struct crd_field t95[] = {
	O("awsElasticBlockStore", t51), O("azureDisk", t52),
	O("azureFile", t53), O("cephfs", t55), O("cinder", t56),
	O("configMap", t58), O("csi", t59), O("downwardAPI", t61),
	O("emptyDir", t62), O("ephemeral", t69), O("fc", t70),
	O("flexVolume", t71), O("flocker", t72), O("gcePersistentDisk", t73),
	O("gitRepo", t74), O("glusterfs", t75), O("hostPath", t76),
	O("image", t77), O("iscsi", t78), S("name", .required = true),
	O("nfs", t79), O("persistentVolumeClaim", t80),
	O("photonPersistentDisk", t81), O("portworxVolume", t82),
	O("projected", t88), O("quobyte", t89), O("rbd", t90),
	O("scaleIO", t91), O("secret", t92), O("storageos", t93),
	O("vsphereVolume", t94), END
};
static const struct crd_field t96[] = {
	I("activeDeadlineSeconds"), O("affinity", t11),
	B("automountServiceAccountToken"),
	LO("containers", t45, .required = true), O("dnsConfig", t14),
	S("dnsPolicy"), B("enableServiceLinks"),
	LO("ephemeralContainers", NULL), LO("hostAliases", t24), B("hostIPC"),
	B("hostNetwork"), B("hostPID"), B("hostUsers"), S("hostname"),
	LO("imagePullSecrets", NULL), LO("initContainers", t45), S("nodeName"),
	MS("nodeSelector"), O("os", NULL), O("overhead", NULL),
	S("preemptionPolicy"), I("priority"), S("priorityClassName"),
	LO("readinessGates", NULL), LO("resourceClaims", NULL),
	O("resources", NULL), S("restartPolicy"), S("runtimeClassName"),
	S("schedulerName"), LO("schedulingGates", NULL),
	O("securityContext", t46), S("serviceAccount"), S("serviceAccountName"),
	B("setHostnameAsFQDN"), B("shareProcessNamespace"), S("subdomain"),
	I("terminationGracePeriodSeconds"), LO("tolerations", t50),
	LO("topologySpreadConstraints", NULL), LO("volumes", t95), END
};
static const struct crd_field t97[] = {
	O("metadata", t49), O("spec", t96), END
};
static const struct crd_field t98[] = {
	O("affinity", t11), MS("annotations"), LO("configMaps", t12),
	S("coreLimit"), S("coreRequest"), I("cores", .min = 1, .has_min = true),
	O("dnsConfig", t14), LO("env", t19), LO("envFrom", t21),
	MO("envSecretKeyRefs", t22), MS("envVars"), O("gpu", t23),
	LO("hostAliases", t24), B("hostNetwork"), S("image"),
	LO("initContainers", t45), S("javaOptions"), S("kubernetesMaster"),
	MS("labels"), O("lifecycle", t31), S("memory"), S("memoryLimit"),
	S("memoryOverhead"), MS("nodeSelector"), S("podName"),
	O("podSecurityContext", t46), LO("ports", t47), S("priorityClassName"),
	S("schedulerName"), LO("secrets", t48), O("securityContext", t42),
	S("serviceAccount"), MS("serviceAnnotations"), MS("serviceLabels"),
	B("shareProcessNamespace"), LO("sidecars", t45), O("template", t97),
	I("terminationGracePeriodSeconds"), LO("tolerations", t50),
	LO("volumeMounts", t44), END
};
static const struct crd_field t99[] = {
	LS("hosts"), S("secretName"), END
};
static const struct crd_field t100[] = {
	MS("ingressAnnotations"), LO("ingressTLS", t99), S("ingressURLFormat"),
	MS("serviceAnnotations"), MS("serviceLabels"),
	I("servicePort", .required = true),
	S("servicePortName", .required = true), S("serviceType"), END
};
static const struct crd_field t101[] = {
	B("enabled"), I("initialExecutors"), I("maxExecutors"),
	I("minExecutors"), B("shuffleTrackingEnabled"),
	I("shuffleTrackingTimeout"), END
};
static const struct crd_field t102[] = {
	O("affinity", t11), MS("annotations"), LO("configMaps", t12),
	S("coreLimit"), S("coreRequest"), I("cores", .min = 1, .has_min = true),
	B("deleteOnTermination"), O("dnsConfig", t14), LO("env", t19),
	LO("envFrom", t21), MO("envSecretKeyRefs", t22), MS("envVars"),
	O("gpu", t23), LO("hostAliases", t24), B("hostNetwork"), S("image"),
	LO("initContainers", t45), I("instances", .min = 1, .has_min = true),
	S("javaOptions"), MS("labels"), O("lifecycle", t31), S("memory"),
	S("memoryLimit"), S("memoryOverhead"), MS("nodeSelector"),
	O("podSecurityContext", t46), LO("ports", t47), S("priorityClassName"),
	S("schedulerName"), LO("secrets", t48), O("securityContext", t42),
	S("serviceAccount"), B("shareProcessNamespace"), LO("sidecars", t45),
	O("template", t97), I("terminationGracePeriodSeconds"),
	LO("tolerations", t50), LO("volumeMounts", t44), END
};
static const struct crd_field t103[] = {
	S("configFile"), S("configuration"),
	S("jmxExporterJar", .required = true),
	I("port", .min = 1024, .has_min = true), S("portName"), END
};
static const struct crd_field t104[] = {
	B("exposeDriverMetrics", .required = true),
	B("exposeExecutorMetrics", .required = true), S("metricsProperties"),
	S("metricsPropertiesFile"), O("prometheus", t103), END
};
static const struct crd_field t105[] = {
	I("onFailureRetries", .min = 0, .has_min = true),
	I("onFailureRetryInterval", .min = 1, .has_min = true),
	I("onSubmissionFailureRetries", .min = 0, .has_min = true),
	I("onSubmissionFailureRetryInterval", .min = 1, .has_min = true),
	S("type", .words = "Never|Always|OnFailure"), END
};
static const struct crd_field t106[] = {
	MS("ingressAnnotations"), LO("ingressTLS", t99),
	MS("serviceAnnotations"), MS("serviceLabels"), I("servicePort"),
	S("servicePortName"), S("serviceType"), END
};
static const struct crd_field t107[] = {
	LS("arguments"), S("batchScheduler"), O("batchSchedulerOptions", t0),
	O("deps", t1), O("driver", t98, .required = true),
	LO("driverIngressOptions", t100), O("dynamicAllocation", t101),
	O("executor", t102, .required = true), I("failureRetries"),
	MS("hadoopConf"), S("hadoopConfigMap"), S("image"),
	S("imagePullPolicy"), LS("imagePullSecrets"),
	S("mainApplicationFile", .required = true), S("mainClass"),
	S("memoryOverheadFactor"), S("mode", .words = "cluster|client"),
	O("monitoring", t104), MS("nodeSelector"), S("proxyUser"),
	S("pythonVersion", .words = "2|3"), O("restartPolicy", t105),
	I("retryInterval"), MS("sparkConf"), S("sparkConfigMap"),
	O("sparkUIOptions", t106), S("sparkVersion", .required = true),
	B("suspend"), I("timeToLiveSeconds"),
	S("type", .words = "Java|Python|Scala|R", .required = true),
	LO("volumes", t95), END
};
static const struct crd_field t108[] = {
	S("errorMessage"), S("state", .required = true), END
};
static const struct crd_field t109[] = {
	S("podName"), S("webUIAddress"), S("webUIIngressAddress"),
	S("webUIIngressName"), I("webUIPort"), S("webUIServiceName"), END
};
static const struct crd_field t110[] = {
	O("applicationState", t108), O("driverInfo", t109, .required = true),
	I("executionAttempts"), MS("executorState"),
	S("lastSubmissionAttemptTime", .nullable = true),
	S("sparkApplicationId"), I("submissionAttempts"), S("submissionID"),
	S("terminationTime", .nullable = true), END
};
const struct crd_field crd_application[] = {
	O("spec", t107, .required = true),
	O("status", t110),
	END
};
