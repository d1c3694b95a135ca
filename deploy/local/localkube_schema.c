#include "config.h"

#include "localkube_schema.h"

#define STRING(n) { n, .type = KFIELD_STRING }
#define REQUIRED(n) { n, .type = KFIELD_STRING, .required = true }
#define TIME(n) { n, .type = KFIELD_STRING, .nullable = true }
#define WORDS(n, list) { n, .type = KFIELD_STRING, .words = list }
#define INT(n) { n, .type = KFIELD_INT }
#define INT_FROM(n, least) \
	{ n, .type = KFIELD_INT, .has_min = true, .min = least }
#define BOOL(n) { n, .type = KFIELD_BOOL }
#define ANY(n) { n, .type = KFIELD_OBJECT }
#define OBJECT(n, fields) { n, .type = KFIELD_OBJECT, .in = fields }
#define STRINGS(n) { n, .type = KFIELD_STRINGS }
#define ANIES(n) { n, .type = KFIELD_OBJECTS }
#define OBJECTS(n, fields) { n, .type = KFIELD_OBJECTS, .in = fields }
#define MAP(n) { n, .type = KFIELD_MAP }
#define END { .name = NULL }

static const char *const types[] = { "Java", "Python", "Scala", "R", NULL };
static const char *const modes[] = { "cluster", "client", NULL };
static const char *const pythons[] = { "2", "3", NULL };
static const char *const policies[] =
    { "Never", "Always", "OnFailure", NULL };

static const struct kfield name_and_path[] = {
	REQUIRED("name"), REQUIRED("path"), END
};
static const struct kfield secret[] = {
	REQUIRED("name"), REQUIRED("path"), REQUIRED("secretType"), END
};
static const struct kfield gpu[] = {
	REQUIRED("name"),
	{ "quantity", .type = KFIELD_INT, .required = true }, END
};
static const struct kfield port[] = {
	{ "containerPort", .type = KFIELD_INT, .required = true },
	REQUIRED("name"), REQUIRED("protocol"), END
};

#define POD_FIELDS \
	ANY("affinity"), MAP("annotations"), \
	OBJECTS("configMaps", name_and_path), STRING("coreLimit"), \
	STRING("coreRequest"), INT_FROM("cores", 1), ANY("dnsConfig"), \
	ANIES("env"), ANIES("envFrom"), ANY("envSecretKeyRefs"), \
	MAP("envVars"), OBJECT("gpu", gpu), ANIES("hostAliases"), \
	BOOL("hostNetwork"), STRING("image"), ANIES("initContainers"), \
	STRING("javaOptions"), MAP("labels"), ANY("lifecycle"), \
	STRING("memory"), STRING("memoryLimit"), STRING("memoryOverhead"), \
	MAP("nodeSelector"), ANY("podSecurityContext"), \
	OBJECTS("ports", port), STRING("priorityClassName"), \
	STRING("schedulerName"), OBJECTS("secrets", secret), \
	ANY("securityContext"), STRING("serviceAccount"), \
	BOOL("shareProcessNamespace"), ANIES("sidecars"), ANY("template"), \
	INT("terminationGracePeriodSeconds"), ANIES("tolerations"), \
	ANIES("volumeMounts")

static const struct kfield driver[] = {
	POD_FIELDS, STRING("kubernetesMaster"), STRING("podName"),
	MAP("serviceAnnotations"), MAP("serviceLabels"), END
};
static const struct kfield executor[] = {
	POD_FIELDS, BOOL("deleteOnTermination"), INT_FROM("instances", 1), END
};
static const struct kfield deps[] = {
	STRINGS("archives"), STRINGS("excludePackages"), STRINGS("files"),
	STRINGS("jars"), STRINGS("packages"), STRINGS("pyFiles"),
	STRINGS("repositories"), END
};
static const struct kfield dynamic_allocation[] = {
	BOOL("enabled"), INT("initialExecutors"), INT("maxExecutors"),
	INT("minExecutors"), BOOL("shuffleTrackingEnabled"),
	INT("shuffleTrackingTimeout"), END
};
static const struct kfield restart_policy[] = {
	INT_FROM("onFailureRetries", 0), INT_FROM("onFailureRetryInterval", 1),
	INT_FROM("onSubmissionFailureRetries", 0),
	INT_FROM("onSubmissionFailureRetryInterval", 1),
	WORDS("type", policies), END
};
static const struct kfield batch_scheduler[] = {
	STRING("priorityClassName"), STRING("queue"), ANY("resources"), END
};
static const struct kfield prometheus[] = {
	STRING("configFile"), STRING("configuration"),
	REQUIRED("jmxExporterJar"), INT_FROM("port", 1024),
	STRING("portName"), END
};
static const struct kfield monitoring[] = {
	{ "exposeDriverMetrics", .type = KFIELD_BOOL, .required = true },
	{ "exposeExecutorMetrics", .type = KFIELD_BOOL, .required = true },
	STRING("metricsProperties"), STRING("metricsPropertiesFile"),
	OBJECT("prometheus", prometheus), END
};
static const struct kfield ui[] = {
	MAP("ingressAnnotations"), ANIES("ingressTLS"),
	MAP("serviceAnnotations"), MAP("serviceLabels"), INT("servicePort"),
	STRING("servicePortName"), STRING("serviceType"), END
};
static const struct kfield ingress[] = {
	MAP("ingressAnnotations"), ANIES("ingressTLS"),
	STRING("ingressURLFormat"), MAP("serviceAnnotations"),
	MAP("serviceLabels"),
	{ "servicePort", .type = KFIELD_INT, .required = true },
	REQUIRED("servicePortName"), STRING("serviceType"), END
};

static const struct kfield spec[] = {
	STRINGS("arguments"), STRING("batchScheduler"),
	OBJECT("batchSchedulerOptions", batch_scheduler),
	OBJECT("deps", deps),
	{ "driver", .type = KFIELD_OBJECT, .in = driver, .required = true },
	OBJECTS("driverIngressOptions", ingress),
	OBJECT("dynamicAllocation", dynamic_allocation),
	{ "executor", .type = KFIELD_OBJECT, .in = executor,
	    .required = true },
	INT("failureRetries"), MAP("hadoopConf"), STRING("hadoopConfigMap"),
	STRING("image"), STRING("imagePullPolicy"),
	STRINGS("imagePullSecrets"), REQUIRED("mainApplicationFile"),
	STRING("mainClass"), STRING("memoryOverheadFactor"),
	WORDS("mode", modes), OBJECT("monitoring", monitoring),
	MAP("nodeSelector"), STRING("proxyUser"),
	WORDS("pythonVersion", pythons),
	OBJECT("restartPolicy", restart_policy), INT("retryInterval"),
	MAP("sparkConf"), STRING("sparkConfigMap"),
	OBJECT("sparkUIOptions", ui), REQUIRED("sparkVersion"),
	BOOL("suspend"), INT("timeToLiveSeconds"),
	{ "type", .type = KFIELD_STRING, .words = types, .required = true },
	ANIES("volumes"), END
};

static const struct kfield application_state[] = {
	STRING("errorMessage"), REQUIRED("state"), END
};
static const struct kfield driver_info[] = {
	STRING("podName"), STRING("webUIAddress"),
	STRING("webUIIngressAddress"), STRING("webUIIngressName"),
	INT("webUIPort"), STRING("webUIServiceName"), END
};
static const struct kfield status[] = {
	OBJECT("applicationState", application_state),
	{ "driverInfo", .type = KFIELD_OBJECT, .in = driver_info,
	    .required = true },
	INT("executionAttempts"), MAP("executorState"),
	TIME("lastSubmissionAttemptTime"), STRING("sparkApplicationId"),
	INT("submissionAttempts"), STRING("submissionID"),
	TIME("terminationTime"), END
};

const struct kfield kschema_app[] = {
	{ "spec", .type = KFIELD_OBJECT, .in = spec, .required = true },
	OBJECT("status", status), END
};
