#Requires -Version 5.1
<#
.SYNOPSIS
    Exports what nearpoint reads of a Configuration Manager site: read-only, without secrets.

.DESCRIPTION
    Reads classes of the SMS Provider and writes one JSON file a class into an empty folder:
    SMS_Boundary.json, SMS_DistributionPointInfo.json and so on. nearpoint takes the folder as
    policy: nearpoint policy --policy FOLDER.

    Nothing on the site is changed: there are queries, gets of single instances and, for the default
    client settings, Get-CMClientSetting. A read-only analyst's role is enough.

    Only what nearpoint needs is asked for: each class has its list of properties in the tables
    below, and no query says '*'. No password, certificate or account is among them. Of the XML of
    a deployment type only the elements of its content leave the site, without command lines and
    without the source's path; of a distribution point's embedded properties and of client settings
    only those named below.

    A big class is read page by page. First the values of one key property are read (PageBy in the
    table below), then the rows of as many values as make a page: a range where the key is a number,
    a list of values where it is text, since only the site's database knows in which order it sorts
    text. Rows are written as they come, so that memory holds the keys and not the rows. A file
    that has grown to 200 MB is followed by a second one, SMS_...-2.json.

    Properties that the provider leaves empty in queries (lazy ones: AgentConfigurations, Props,
    SDMPackageXML) are fetched instance by instance.

    The default client settings are in no class that can be read. They come from
    Get-CMClientSetting, where the console's ConfigurationManager module is installed, and are
    written as SMS_ClientSettingsDefault.json. Where it is not, this is said and the rest goes on.

    The provider is asked over DCOM first, then over WS-Management. Times are written in UTC; the
    provider gives them without a time zone, so they may be off by that of the site's server.

    At the end the number of rows of each class is printed, and what is missing. Exit code 0: all
    was exported. 1: a class failed, for lack of rights, say, or since the site is too old for it;
    the other files are whole. A class that failed leaves no file.

.PARAMETER SiteServer
    The computer with the SMS Provider, usually the site server. Take the hierarchy's top site:
    it knows the others.

.PARAMETER SiteCode
    The site's code: the provider's namespace is root\SMS\site_<SiteCode>.

.PARAMETER OutputFolder
    Where the files go. It is made if need be; it must hold no .json and no .xml file, so that two
    exports never mix.

.PARAMETER IncludeMachines
    Also exports SMS_R_System (names, addresses, subnets, Active Directory site and domain of every
    machine) and SMS_FullCollectionMembership (of the collections that have client settings). With
    it nearpoint knows the fleet, whom custom settings apply to, and distribution points' addresses.

.PARAMETER HashNames
    With IncludeMachines: writes the beginning of a salted SHA-256 instead of each machine's name.
    The salt is the same for the whole run, so that classes still join, is kept nowhere, and is
    another one in the next run. Distribution points keep their names. Addresses, subnets, Active
    Directory sites and domains are written as they are.

.PARAMETER PageSize
    About how many rows are read at a time.

.PARAMETER Credential
    Who reads the SMS Provider, if not the user who runs this. It cannot be given for the computer
    that this runs on, and is not used for the default client settings.

.EXAMPLE
    .\Export-Nearpoint.ps1 -SiteServer CM01.contoso.com -SiteCode PS1 -OutputFolder C:\Export

    Everything but the machines.

.EXAMPLE
    .\Export-Nearpoint.ps1 -SiteServer CM01 -SiteCode PS1 -OutputFolder C:\Export `
        -IncludeMachines -HashNames -Credential (Get-Credential)

    The machines too, with names that nobody can read.

.NOTES
    Windows PowerShell 5.1 or PowerShell 7 on Windows.
    Where this script was written there was no site: it has been checked by a parser, by comparing
    its tables with nearpoint's source, and at work on a stand-in for the provider. It has not been
    run against a site.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)]
    [ValidateNotNullOrEmpty()]
    [string]$SiteServer,

    [Parameter(Mandatory = $true)]
    [ValidatePattern('^[A-Za-z0-9]{3}$')]
    [string]$SiteCode,

    [Parameter(Mandatory = $true)]
    [ValidateNotNullOrEmpty()]
    [string]$OutputFolder,

    [switch]$IncludeMachines,

    [switch]$HashNames,

    [ValidateRange(1, 100000)]
    [int]$PageSize = 5000,

    [System.Management.Automation.PSCredential]
    $Credential = [System.Management.Automation.PSCredential]::Empty
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# A file of this many bytes is followed by another one: nearpoint reads documents up to 256 MiB.
$FileBytesMax = 200000000
# Values of a text key in one query.
$PageValuesMax = 50

# What several classes have.
$GroupProperty = @('GroupID', 'Name', 'Flags', 'DefaultSiteCode', 'MemberCount', 'SiteSystemCount')
$PackageProperty = @('PackageID', 'Name', 'PackageType', 'SourceVersion', 'PkgFlags',
    'PkgSourceFlag', 'PackageSize')
$AssignmentProperty = @('AssignmentID', 'AssignmentName', 'TargetCollectionID', 'DPLocality')

# What is read: class, the key that makes pages, properties.
#   Where     which rows
#   Lazy      properties that need a get of each instance
#   GetBy     what that get needs besides; not written
#   Needs     the class whose rows this one refers to
#   Machines  with -IncludeMachines only
$SiteClass = @(
    @{
        Class = 'SMS_Site'
        PageBy = 'SiteCode'
        Properties = @('SiteCode', 'Type', 'ReportingSiteCode')
    }
    @{
        Class = 'SMS_Boundary'
        PageBy = 'BoundaryID'
        Properties = @('BoundaryID', 'BoundaryType', 'Value', 'DisplayName', 'BoundaryFlags',
            'DefaultSiteCode', 'GroupCount')
    }
    @{ Class = 'SMS_BoundaryGroup'; PageBy = 'GroupID'; Properties = $GroupProperty }
    @{ Class = 'SMS_DefaultBoundaryGroup'; PageBy = 'GroupID'; Properties = $GroupProperty }
    @{
        Class = 'SMS_BoundaryGroupMembers'
        PageBy = 'BoundaryID'
        Properties = @('GroupID', 'BoundaryID')
    }
    @{
        Class = 'SMS_BoundaryGroupSiteSystems'
        PageBy = 'GroupID'
        Properties = @('GroupID', 'ServerNALPath', 'SiteCode', 'Flags')
    }
    @{
        Class = 'SMS_BoundaryGroupRelationships'
        PageBy = 'SourceGroupID'
        Properties = @('SourceGroupID', 'SourceGroupName', 'DestinationGroupID',
            'DestinationGroupName', 'FallbackDP')
    }
    @{
        Class = 'SMS_DistributionPointInfo'
        PageBy = 'SiteCode'
        Properties = @('NALPath', 'ServerName', 'SiteCode', 'ResourceType', 'OperatingSystem',
            'Communication', 'InternetFacing', 'IsProtected', 'IsPullDP', 'IsPeerDP',
            'BitsEnabled', 'MaintenanceMode', 'GroupCount')
    }
    @{
        Class = 'SMS_SystemResourceList'
        PageBy = 'SiteCode'
        Properties = @('NALPath', 'RoleName', 'SiteCode', 'ServerName', 'ServerRemoteName',
            'InternetEnabled', 'InternetShared', 'SslState')
        Where = "RoleName = 'SMS Distribution Point'"
    }
    @{
        Class = 'SMS_SCI_SysResUse'
        PageBy = 'SiteCode'
        Properties = @('NALPath', 'RoleName', 'SiteCode', 'Props')
        Where = "RoleName = 'SMS Distribution Point'"
        Lazy = @('Props')
        GetBy = @('FileType', 'ItemName', 'ItemType')
    }
    @{
        Class = 'SMS_AzureService'
        PageBy = 'AzureServiceID'
        Properties = @('AzureServiceID', 'Name', 'NALPath', 'Fqdn', 'ServiceCName',
            'StorageServiceName', 'ServiceType', 'SiteCode', 'State')
    }
    @{ Class = 'SMS_Package'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{ Class = 'SMS_ContentPackage'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{ Class = 'SMS_SoftwareUpdatesPackage'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{ Class = 'SMS_DriverPackage'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{ Class = 'SMS_ImagePackage'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{ Class = 'SMS_BootImagePackage'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{
        Class = 'SMS_OperatingSystemInstallPackage'
        PageBy = 'PackageID'
        Properties = $PackageProperty
    }
    @{ Class = 'SMS_TaskSequencePackage'; PageBy = 'PackageID'; Properties = $PackageProperty }
    @{
        Class = 'SMS_Content'
        PageBy = 'ContentID'
        Properties = @('ContentID', 'ContentUniqueID', 'ContentVersion', 'ContentHash',
            'ContentHashVersion', 'ContentFlags')
    }
    @{
        Class = 'SMS_PackageToContent'
        PageBy = 'ContentID'
        Properties = @('PackageID', 'ContentID', 'ContentUniqueID', 'ContentVersionInPkg',
            'MinPackageVersion')
    }
    @{
        Class = 'SMS_CIToContent'
        PageBy = 'ContentID'
        Properties = @('CI_ID', 'CI_UniqueID', 'ContentID', 'ContentUniqueID', 'ContentVersion',
            'ContentHash', 'ContentHashVersion')
    }
    @{
        Class = 'SMS_CIContentFiles'
        PageBy = 'ContentID'
        Properties = @('CI_UniqueID', 'ContentID', 'FileName', 'FileSize', 'FileHash')
    }
    @{
        Class = 'SMS_PackageStatusDistPointsSummarizer'
        PageBy = 'PackageID'
        Properties = @('PackageID', 'ServerNALPath', 'SiteCode', 'State', 'SourceVersion',
            'LastCopied')
    }
    @{
        Class = 'SMS_DistributionPoint'
        PageBy = 'PackageID'
        Properties = @('PackageID', 'ServerNALPath', 'SiteCode', 'Status')
    }
    @{
        Class = 'SMS_DPContentInfo'
        PageBy = 'ObjectID'
        Properties = @('NALPath', 'ObjectID', 'PackageID')
    }
    @{
        Class = 'SMS_TaskSequenceReferenceDps'
        PageBy = 'TaskSequenceID'
        Properties = @('TaskSequenceID', 'PackageID', 'ServerNALPath', 'SiteCode',
            'SourceVersion', 'Hash')
    }
    @{
        Class = 'SMS_DistributionPointGroup'
        PageBy = 'GroupID'
        Properties = @('GroupID', 'Name', 'MemberCount', 'ContentCount')
    }
    @{ Class = 'SMS_DPGroupMembers'; PageBy = 'GroupID'; Properties = @('GroupID', 'DPNALPath') }
    @{ Class = 'SMS_DPGroupPackages'; PageBy = 'GroupID'; Properties = @('GroupID', 'PkgID') }
    @{
        Class = 'SMS_Advertisement'
        PageBy = 'AdvertisementID'
        Properties = @('AdvertisementID', 'AdvertisementName', 'PackageID', 'CollectionID',
            'RemoteClientFlags', 'AdvertFlags')
    }
    @{ Class = 'SMS_UpdatesAssignment'; PageBy = 'AssignmentID'; Properties = $AssignmentProperty }
    @{
        Class = 'SMS_UpdateGroupAssignment'
        PageBy = 'AssignmentID'
        Properties = $AssignmentProperty
    }
    @{
        Class = 'SMS_ApplicationAssignment'
        PageBy = 'AssignmentID'
        Properties = $AssignmentProperty
    }
    @{ Class = 'SMS_BaselineAssignment'; PageBy = 'AssignmentID'; Properties = $AssignmentProperty }
    @{
        Class = 'SMS_DeploymentType'
        PageBy = 'CI_ID'
        Properties = @('CI_ID', 'CI_UniqueID', 'CIVersion', 'AppModelName', 'ContentId',
            'SDMPackageXML')
        Where = "IsLatest = 'True'"
        Lazy = @('SDMPackageXML')
    }
    @{
        Class = 'SMS_ClientSettings'
        PageBy = 'SettingsID'
        Properties = @('SettingsID', 'Name', 'Priority', 'Type', 'Enabled', 'AgentConfigurations',
            'AssignmentCount')
        Lazy = @('AgentConfigurations')
    }
    @{
        Class = 'SMS_ClientSettingsAssignment'
        PageBy = 'ClientSettingsID'
        Properties = @('ClientSettingsID', 'CollectionID', 'CollectionName')
    }
    @{
        Class = 'SMS_R_System'
        PageBy = 'ResourceId'
        Properties = @('ResourceId', 'Name', 'IPAddresses', 'IPSubnets', 'ADSiteName',
            'ResourceDomainORWorkgroup')
        Needs = 'SMS_DistributionPointInfo'
        Machines = $true
    }
    @{
        Class = 'SMS_FullCollectionMembership'
        PageBy = 'ResourceID'
        Properties = @('CollectionID', 'ResourceID', 'Name')
        Where = 'ResourceType = 5'
        Needs = 'SMS_ClientSettingsAssignment'
        Machines = $true
    }
)

# The client settings that are written, by class; Setting is their name in Get-CMClientSetting.
$AgentConfiguration = @(
    @{
        Class = 'SMS_CloudAgentConfig'
        AgentID = 22
        Setting = 'Cloud'
        Properties = @('AllowCloudDP', 'AllowCMG')
    }
    @{
        Class = 'SMS_WinPEPeerCacheConfig'
        AgentID = 27
        Setting = 'ClientCache'
        Properties = @('ConfigureCacheSize', 'MaxCacheSizeMB', 'MaxCacheSizePercent')
    }
    @{
        Class = 'SMS_SoftwareDistributionAgentConfig'
        AgentID = 6
        Setting = 'SoftwareDeployment'
        Properties = @('CacheTombstoneContentMinDuration', 'ContentLocationTimeoutInterval')
    }
    @{
        Class = 'SMS_BITS2Config'
        AgentID = 11
        Setting = 'BackgroundIntelligentTransfer'
        Properties = @('EnableBitsMaxBandwidth', 'MaxBandwidthValidFrom', 'MaxBandwidthValidTo',
            'MaxTransferRateOnSchedule', 'MaxTransferRateOffSchedule', 'EnableDownloadOffSchedule')
    }
    @{
        Class = 'SMS_ClientCommunicationConfig'
        AgentID = 23
        Setting = 'MeteredNetwork'
        Properties = @('MeteredNetworkUsage')
    }
    @{
        Class = 'SMS_SoftwareUpdatesAgentConfig'
        AgentID = 9
        Setting = 'SoftwareUpdates'
        Properties = @('PerDPInactivityTimeout', 'TotalInactivityTimeout')
    }
    @{
        Class = 'SMS_PolicyAgentConfig'
        AgentID = 13
        Setting = 'ClientPolicy'
        Properties = @('PolicyRequestAssignmentTimeout')
    }
)

# Of SMS_SCI_SysResUse.Props: numbers only, never their texts.
$EmbeddedProperty = @('IsAnonymousEnabled', 'SslState', 'TokenAuthEnabled')

function Add-JsonString {
    [CmdletBinding()]
    param(
        [System.Text.StringBuilder]$Builder,
        [string]$Text
    )
    $escaped = [System.Text.RegularExpressions.Regex]::Replace($Text, '[\x00-\x1f"\\]', {
            param($found)
            '\u{0:x4}' -f [int]$found.Value[0]
        })
    [void]$Builder.Append('"').Append($escaped).Append('"')
}

function Add-JsonArray {
    [CmdletBinding()]
    param(
        [System.Text.StringBuilder]$Builder,
        [System.Collections.IEnumerable]$Value
    )
    $separator = ''
    [void]$Builder.Append('[')
    foreach ($item in $Value) {
        [void]$Builder.Append($separator)
        Add-JsonValue -Builder $Builder -Value $item
        $separator = ','
    }
    [void]$Builder.Append(']')
}

function Add-JsonObject {
    [CmdletBinding()]
    param(
        [System.Text.StringBuilder]$Builder,
        [System.Collections.IDictionary]$Value
    )
    $separator = ''
    [void]$Builder.Append('{')
    foreach ($name in $Value.Keys) {
        [void]$Builder.Append($separator)
        Add-JsonString -Builder $Builder -Text $name
        [void]$Builder.Append(':')
        Add-JsonValue -Builder $Builder -Value $Value[$name]
        $separator = ','
    }
    [void]$Builder.Append('}')
}

# ConvertTo-Json of 5.1 writes dates in a form of its own and turns what is deep into text.
function Add-JsonValue {
    [CmdletBinding()]
    param(
        [System.Text.StringBuilder]$Builder,
        [AllowNull()]
        [object]$Value
    )
    $invariant = [System.Globalization.CultureInfo]::InvariantCulture
    if ($null -eq $Value) {
        [void]$Builder.Append('null')
    } elseif ($Value -is [bool]) {
        [void]$Builder.Append($Value.ToString().ToLowerInvariant())
    } elseif ($Value -is [string]) {
        Add-JsonString -Builder $Builder -Text $Value
    } elseif ($Value -is [datetime]) {
        $utc = $Value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", $invariant)
        Add-JsonString -Builder $Builder -Text $utc
    } elseif ($Value -is [System.Collections.IDictionary]) {
        Add-JsonObject -Builder $Builder -Value $Value
    } elseif ($Value -is [System.Collections.IEnumerable]) {
        Add-JsonArray -Builder $Builder -Value $Value
    } elseif ($Value -is [System.ValueType] -and $Value -isnot [char] -and $Value -isnot [enum]) {
        [void]$Builder.Append([System.Convert]::ToString($Value, $invariant))
    } else {
        Add-JsonString -Builder $Builder -Text ([string]$Value)
    }
}

# One row of a file, in one line.
function ConvertTo-JsonText {
    [CmdletBinding()]
    param(
        [System.Collections.IDictionary]$Fields
    )
    $builder = [System.Text.StringBuilder]::new()
    Add-JsonObject -Builder $builder -Value $Fields
    $builder.ToString()
}

# The folder's full path; .NET does not know PowerShell's current location.
function Initialize-OutputFolder {
    [CmdletBinding()]
    param(
        [string]$Path
    )
    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
    [void][System.IO.Directory]::CreateDirectory($full)
    $old = @([System.IO.Directory]::GetFiles($full) | Where-Object -FilterScript {
            $_ -match '\.(json|xml)$'
        })
    if ($old.Count -gt 0) {
        throw "$full holds documents already, such as $($old[0]): name an empty folder"
    }
    $full
}

# A file gets its name when it is whole.
function Open-ExportPart {
    [CmdletBinding()]
    param(
        [hashtable]$File
    )
    $suffix = ''
    if ($File.Paths.Count -gt 0) {
        $suffix = '-{0}' -f ($File.Paths.Count + 1)
    }
    $path = [System.IO.Path]::Combine($File.Folder, $File.Class + $suffix + '.json')
    $encoding = [System.Text.UTF8Encoding]::new($false)
    $File.Writer = [System.IO.StreamWriter]::new($path + '.part', $false, $encoding)
    $File.Paths.Add($path)
    $File.Separator = "`n"
    $File.Writer.Write('{"value":[')
}

function Close-ExportPart {
    [CmdletBinding()]
    param(
        [hashtable]$File
    )
    $File.Writer.Write("`n]}`n")
    $File.Writer.Dispose()
    $File.Writer = $null
}

function Open-ExportFile {
    [CmdletBinding()]
    param(
        [string]$Folder,
        [string]$Class
    )
    $file = @{
        Folder = $Folder
        Class = $Class
        Paths = [System.Collections.Generic.List[string]]::new()
        Writer = $null
        Separator = ''
        Rows = 0
    }
    Open-ExportPart -File $file
    $file
}

function Write-ExportRow {
    [CmdletBinding()]
    param(
        [hashtable]$File,
        [string]$Text
    )
    if ($File.Writer.BaseStream.Position -gt $FileBytesMax) {
        Close-ExportPart -File $File
        Open-ExportPart -File $File
    }
    $File.Writer.Write($File.Separator)
    $File.Writer.Write($Text)
    $File.Separator = ",`n"
    $File.Rows++
}

function Complete-ExportFile {
    [CmdletBinding()]
    param(
        [hashtable]$File
    )
    Close-ExportPart -File $File
    foreach ($path in $File.Paths) {
        [System.IO.File]::Move($path + '.part', $path)
    }
}

function Undo-ExportFile {
    [CmdletBinding()]
    param(
        [hashtable]$File
    )
    if ($null -ne $File.Writer) {
        $File.Writer.Dispose()
    }
    foreach ($path in $File.Paths) {
        [System.IO.File]::Delete($path + '.part')
    }
}

# A session with the provider that has answered once.
function Connect-Provider {
    [CmdletBinding()]
    param(
        [string]$Computer,
        [string]$Namespace,
        [System.Management.Automation.PSCredential]$Credential
    )
    $target = @{ ComputerName = $Computer }
    if ($Credential -ne [System.Management.Automation.PSCredential]::Empty) {
        $target['Credential'] = $Credential
    }
    $reasons = @()
    foreach ($protocol in @('Dcom', 'Wsman')) {
        $session = $null
        try {
            $option = New-CimSessionOption -Protocol $protocol
            $session = New-CimSession @target -SessionOption $option
            $query = 'SELECT SiteCode FROM SMS_Site'
            [void](Get-CimInstance -CimSession $session -Namespace $Namespace -Query $query)
            return $session
        } catch {
            $reasons += '{0}: {1}' -f $protocol, $_.Exception.Message
            if ($null -ne $session) {
                Remove-CimSession -CimSession $session
            }
        }
    }
    throw ('{0} on {1} cannot be read. {2}' -f $Namespace, $Computer, ($reasons -join ' '))
}

# Rows as they come, never all at once.
function Get-ProviderRow {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [string]$Query
    )
    Write-Verbose -Message $Query
    Get-CimInstance -CimSession $Site.Session -Namespace $Site.Namespace -Query $Query
}

function Get-QueryText {
    [CmdletBinding()]
    param(
        [string]$Class,
        [string[]]$Property,
        [string[]]$Condition
    )
    $query = 'SELECT {0} FROM {1}' -f ($Property -join ', '), $Class
    $terms = @($Condition | Where-Object -FilterScript { $_ } | ForEach-Object -Process { "($_)" })
    if ($terms.Count -gt 0) {
        $query += ' WHERE ' + ($terms -join ' AND ')
    }
    $query
}

function ConvertTo-WqlTerm {
    [CmdletBinding()]
    param(
        [string]$Property,
        [string]$Value
    )
    "{0} = '{1}'" -f $Property, $Value.Replace('\', '\\').Replace("'", "\'")
}

# Which rows of the class, in WQL; empty: all.
function Get-RowCondition {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry
    )
    $condition = [string]$Entry['Where']
    if ($Entry.Class -eq 'SMS_FullCollectionMembership') {
        $terms = @($Site.Collections | ForEach-Object -Process {
                ConvertTo-WqlTerm -Property 'CollectionID' -Value $_
            })
        $condition += ' AND (' + ($terms -join ' OR ') + ')'
    }
    $condition
}

# How many rows each value of the class's key has.
function Get-KeyTally {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry,
        [string]$Condition
    )
    $anyCase = [System.StringComparer]::OrdinalIgnoreCase
    $tally = @{
        IsText = $false
        Rows = 0
        ByValue = [System.Collections.Generic.Dictionary[string, int]]::new($anyCase)
    }
    $key = $Entry.PageBy
    $query = Get-QueryText -Class $Entry.Class -Property $key -Condition $Condition
    Get-ProviderRow -Site $Site -Query $query | ForEach-Object -Process {
        $value = $_.CimInstanceProperties[$key].Value
        $rows = 0
        [void]$tally.ByValue.TryGetValue([string]$value, [ref]$rows)
        $tally.ByValue[[string]$value] = $rows + 1
        $tally.IsText = $tally.IsText -or $value -is [string]
        $tally.Rows++
    }
    $tally
}

function Get-NumberPage {
    [CmdletBinding()]
    param(
        [hashtable]$Tally,
        [string]$Key,
        [int]$PageSize
    )
    [long[]]$numbers = @($Tally.ByValue.Keys)
    [System.Array]::Sort($numbers)
    $first = 0
    $rows = 0
    for ($i = 0; $i -lt $numbers.Length; $i++) {
        $text = [string]$numbers[$i]
        $rows += $Tally.ByValue[$text]
        if ($rows -ge $PageSize -or $i -eq $numbers.Length - 1) {
            '{0} >= {1} AND {0} <= {2}' -f $Key, $numbers[$first], $numbers[$i]
            $first = $i + 1
            $rows = 0
        }
    }
}

function Get-TextPage {
    [CmdletBinding()]
    param(
        [hashtable]$Tally,
        [string]$Key,
        [int]$PageSize
    )
    $terms = @()
    $rows = 0
    foreach ($value in $Tally.ByValue.Keys) {
        $terms += ConvertTo-WqlTerm -Property $Key -Value $value
        $rows += $Tally.ByValue[$value]
        if ($rows -ge $PageSize -or $terms.Count -ge $PageValuesMax) {
            $terms -join ' OR '
            $terms = @()
            $rows = 0
        }
    }
    if ($terms.Count -gt 0) {
        $terms -join ' OR '
    }
}

# The conditions that together name each row once.
function Get-PageCondition {
    [CmdletBinding()]
    param(
        [hashtable]$Tally,
        [string]$Key,
        [int]$PageSize
    )
    if ($Tally.IsText) {
        Get-TextPage -Tally $Tally -Key $Key -PageSize $PageSize
    } else {
        Get-NumberPage -Tally $Tally -Key $Key -PageSize $PageSize
    }
}

# What this site has of the wanted properties: older sites have fewer.
function Select-KnownProperty {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry
    )
    $class = Get-CimClass -CimSession $Site.Session -Namespace $Site.Namespace `
        -ClassName $Entry.Class
    $known = @($class.CimClassProperties | ForEach-Object -Process { $_.Name })
    foreach ($name in $Entry.Properties) {
        if ($known -contains $name) {
            $name
        } else {
            $Site.Missing.Add(('{0}.{1}: not on this site' -f $Entry.Class, $name))
        }
    }
}

function Select-AgentConfiguration {
    [CmdletBinding()]
    param(
        [object[]]$Configuration
    )
    foreach ($item in $Configuration) {
        $class = $item.CimSystemProperties.ClassName
        foreach ($wanted in @($AgentConfiguration | Where-Object -FilterScript {
                    $_.Class -eq $class
                })) {
            $fields = [ordered]@{ '__CLASS' = $wanted.Class; 'AgentID' = $wanted.AgentID }
            foreach ($name in $wanted.Properties) {
                $cell = $item.CimInstanceProperties[$name]
                if ($null -ne $cell) {
                    $fields[$name] = $cell.Value
                }
            }
            $fields
        }
    }
}

function Select-EmbeddedProperty {
    [CmdletBinding()]
    param(
        [object[]]$Property
    )
    foreach ($item in $Property) {
        $name = $item.CimInstanceProperties['PropertyName'].Value
        if ($EmbeddedProperty -contains $name) {
            [ordered]@{
                '__CLASS' = 'SMS_EmbeddedProperty'
                'PropertyName' = $name
                'Value' = $item.CimInstanceProperties['Value'].Value
            }
        }
    }
}

# The same document with nothing in it but its contents, and those without their source's path.
function Select-ContentXml {
    [CmdletBinding()]
    param(
        [string]$Text
    )
    $document = [System.Xml.XmlDocument]::new()
    $document.XmlResolver = $null
    $document.LoadXml($Text)
    $root = $document.DocumentElement.CloneNode($false)
    $place = $root
    foreach ($name in @('DeploymentType', 'Installer', 'Contents')) {
        $place = $place.AppendChild($document.CreateElement($name, $root.NamespaceURI))
    }
    $contents = "//*[local-name()='Contents']/*[local-name()='Content']"
    foreach ($content in @($document.SelectNodes($contents))) {
        $copy = $content.CloneNode($true)
        foreach ($location in @($copy.SelectNodes("*[local-name()='Location']"))) {
            [void]$copy.RemoveChild($location)
        }
        [void]$place.AppendChild($copy)
    }
    $root.OuterXml
}

function ConvertTo-HashedName {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [string]$Name
    )
    if ($Site.DpNames.Contains($Name)) {
        return $Name
    }
    $text = [System.Text.Encoding]::UTF8.GetBytes($Name.ToUpperInvariant())
    $digest = $Site.Hasher.ComputeHash([byte[]]($Site.Salt + $text))
    'H' + [System.BitConverter]::ToString($digest, 0, 8).Replace('-', '')
}

# What is written of a row, by name; null and absent are the same to nearpoint: not known.
function Select-RowField {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry,
        [string[]]$Property,
        [ciminstance]$Row
    )
    $fields = [ordered]@{ '__CLASS' = $Entry.Class }
    foreach ($name in $Property) {
        $cell = $Row.CimInstanceProperties[$name]
        if ($null -eq $cell -or $null -eq $cell.Value) {
            $fields[$name] = $null
        } elseif ($name -eq 'AgentConfigurations') {
            $fields[$name] = @(Select-AgentConfiguration -Configuration $cell.Value)
        } elseif ($name -eq 'Props') {
            $fields[$name] = @(Select-EmbeddedProperty -Property $cell.Value)
        } elseif ($name -eq 'SDMPackageXML') {
            $fields[$name] = Select-ContentXml -Text $cell.Value
        } elseif ($name -eq 'Name' -and $Entry['Machines'] -and $null -ne $Site.Salt) {
            $fields[$name] = ConvertTo-HashedName -Site $Site -Name $cell.Value
        } else {
            $fields[$name] = $cell.Value
        }
    }
    $fields
}

# The names that nearpoint joins a distribution point's own machine by.
function Add-DpName {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [string]$NalPath,
        [string]$ServerName
    )
    $at = $NalPath.LastIndexOf('\\', [System.StringComparison]::Ordinal)
    $names = @($ServerName)
    if ($at -ge 0) {
        $names += $NalPath.Substring($at + 2).Split('\')[0]
    }
    foreach ($name in $names) {
        [void]$Site.DpNames.Add($name)
        [void]$Site.DpNames.Add($name.Split('.')[0])
    }
}

# What later classes need of this one.
function Add-Memory {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [System.Collections.IDictionary]$Fields
    )
    if ($Fields['__CLASS'] -eq 'SMS_DistributionPointInfo') {
        Add-DpName -Site $Site -NalPath $Fields['NALPath'] -ServerName $Fields['ServerName']
    } elseif ($Fields['__CLASS'] -eq 'SMS_ClientSettingsAssignment') {
        [void]$Site.Collections.Add([string]$Fields['CollectionID'])
    }
}

# All rows of one page into the file.
function Export-Page {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry,
        [hashtable]$File,
        [string[]]$Property,
        [string]$Query
    )
    Get-ProviderRow -Site $Site -Query $Query | ForEach-Object -Process {
        $row = $_
        if ($Entry['Lazy']) {
            $row = Get-CimInstance -CimSession $Site.Session -InputObject $row
        }
        $fields = Select-RowField -Site $Site -Entry $Entry -Property $Property -Row $row
        Add-Memory -Site $Site -Fields $fields
        Write-ExportRow -File $File -Text (ConvertTo-JsonText -Fields $fields)
    }
}

# All pages of the class.
function Export-Row {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry,
        [hashtable]$File
    )
    $property = @(Select-KnownProperty -Site $Site -Entry $Entry)
    $asked = @($property | Where-Object -FilterScript { $Entry['Lazy'] -notcontains $_ })
    if ($Entry['GetBy']) {
        $asked += $Entry['GetBy']
    }
    $condition = Get-RowCondition -Site $Site -Entry $Entry
    $tally = Get-KeyTally -Site $Site -Entry $Entry -Condition $condition
    $pages = @(Get-PageCondition -Tally $tally -Key $Entry.PageBy -PageSize $Site.PageSize)
    foreach ($page in $pages) {
        $status = '{0} of {1} rows' -f $File.Rows, $tally.Rows
        Write-Progress -Activity $Entry.Class -Status $status
        $query = Get-QueryText -Class $Entry.Class -Property $asked -Condition $condition, $page
        Export-Page -Site $Site -Entry $Entry -File $File -Property $property -Query $query
    }
    Write-Progress -Activity $Entry.Class -Completed
    if ($File.Rows -ne $tally.Rows) {
        $changed = '{0}: {1} rows were counted and {2} came: the site changed meanwhile'
        $Site.Missing.Add(($changed -f $Entry.Class, $tally.Rows, $File.Rows))
    }
}

function Export-Class {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [hashtable]$Entry
    )
    $needs = $Entry['Needs']
    if ($needs -and -not $Site.Exported.Contains($needs)) {
        throw "it needs $needs, which was not exported"
    }
    $file = Open-ExportFile -Folder $Site.Folder -Class $Entry.Class
    try {
        $isOfNone = $needs -eq 'SMS_ClientSettingsAssignment' -and $Site.Collections.Count -eq 0
        if (-not $isOfNone) {
            Export-Row -Site $Site -Entry $Entry -File $file
        }
        Complete-ExportFile -File $file
    } catch {
        Undo-ExportFile -File $file
        throw
    }
    [void]$Site.Exported.Add($Entry.Class)
    $file.Rows
}

# The ConfigurationManager module's manifest, or nothing.
function Get-ModulePath {
    [CmdletBinding()]
    param()
    if ($env:SMS_ADMIN_UI_PATH) {
        $folder = Split-Path -Path $env:SMS_ADMIN_UI_PATH -Parent
        $path = Join-Path -Path $folder -ChildPath 'ConfigurationManager.psd1'
        if (Test-Path -LiteralPath $path) {
            return $path
        }
    }
    Get-Module -ListAvailable -Name ConfigurationManager | Select-Object -First 1 |
        ForEach-Object -Process { $_.Path }
}

# Get-CMClientSetting gives a table of names and values, without class or AgentID.
function Select-DefaultSetting {
    [CmdletBinding()]
    param(
        [hashtable]$Wanted,
        [System.Collections.IDictionary]$Values
    )
    $fields = [ordered]@{ '__CLASS' = $Wanted.Class; 'AgentID' = $Wanted.AgentID }
    foreach ($name in $Wanted.Properties) {
        foreach ($key in @($Values.Keys)) {
            if ($key -eq $name) {
                $fields[$name] = $Values[$key]
            }
        }
    }
    $fields
}

# On the module's drive of the site, which its cmdlets want as the current location.
function Get-DefaultSetting {
    [CmdletBinding()]
    param(
        [hashtable]$Site
    )
    $drive = Get-PSDrive -PSProvider CMSite -ErrorAction SilentlyContinue |
        Where-Object -FilterScript { $_.Name -eq $Site.Code }
    if ($null -eq $drive) {
        [void](New-PSDrive -Name $Site.Code -PSProvider CMSite -Root $Site.Server)
    }
    Push-Location -Path ($Site.Code + ':')
    try {
        foreach ($wanted in $AgentConfiguration) {
            $values = Get-CMClientSetting -Id 0 -Setting $wanted.Setting
            Select-DefaultSetting -Wanted $wanted -Values $values
        }
    } finally {
        Pop-Location
    }
}

# Returns the number of rows; none where the module is not installed.
function Export-DefaultSetting {
    [CmdletBinding()]
    param(
        [hashtable]$Site
    )
    $module = Get-ModulePath
    if (-not $module) {
        $why = 'SMS_ClientSettingsDefault: the ConfigurationManager module is not installed here'
        $Site.Missing.Add($why)
        return 0
    }
    Import-Module -Name $module -Verbose:$false
    $fields = [ordered]@{
        '__CLASS' = 'SMS_ClientSettingsDefault'
        'SettingsID' = 0
        'Name' = 'Default Client Settings'
        'Type' = 0
        'Enabled' = $true
        'AgentConfigurations' = @(Get-DefaultSetting -Site $Site)
    }
    $file = Open-ExportFile -Folder $Site.Folder -Class 'SMS_ClientSettingsDefault'
    try {
        Write-ExportRow -File $file -Text (ConvertTo-JsonText -Fields $fields)
        Complete-ExportFile -File $file
    } catch {
        Undo-ExportFile -File $file
        throw
    }
    1
}

# A line for the end: the class and its rows, or why there are none.
function Export-Step {
    [CmdletBinding()]
    param(
        [hashtable]$Site,
        [string]$Class,
        [scriptblock]$Action
    )
    try {
        $Site.Report.Add(('{0,-40} {1,10}' -f $Class, (& $Action)))
    } catch {
        $Site.Failures++
        $Site.Report.Add(('{0,-40} {1,10}' -f $Class, 'failed'))
        $Site.Missing.Add(('{0}: {1}' -f $Class, $_.Exception.Message))
        Write-Warning -Message ('{0}: {1}' -f $Class, $_.Exception.Message)
    }
}

# 32 random bytes for -HashNames.
function Get-Salt {
    [CmdletBinding()]
    param()
    $salt = [byte[]]::new(32)
    $random = [System.Security.Cryptography.RandomNumberGenerator]::Create()
    $random.GetBytes($salt)
    $random.Dispose()
    , $salt
}

if ($HashNames -and -not $IncludeMachines) {
    throw 'HashNames is for IncludeMachines: without it no machine is exported'
}

$anyCase = [System.StringComparer]::OrdinalIgnoreCase
$site = @{
    Server = $SiteServer
    Code = $SiteCode.ToUpperInvariant()
    Namespace = 'root/SMS/site_' + $SiteCode.ToUpperInvariant()
    Folder = Initialize-OutputFolder -Path $OutputFolder
    PageSize = $PageSize
    Session = $null
    Salt = $null
    Hasher = [System.Security.Cryptography.SHA256]::Create()
    DpNames = [System.Collections.Generic.HashSet[string]]::new($anyCase)
    Collections = [System.Collections.Generic.HashSet[string]]::new($anyCase)
    Exported = [System.Collections.Generic.HashSet[string]]::new($anyCase)
    Report = [System.Collections.Generic.List[string]]::new()
    Missing = [System.Collections.Generic.List[string]]::new()
    Failures = 0
}
if ($HashNames) {
    $site.Salt = Get-Salt
}
$site.Session = Connect-Provider -Computer $SiteServer -Namespace $site.Namespace `
    -Credential $Credential
try {
    foreach ($entry in $SiteClass) {
        if ($IncludeMachines -or -not $entry['Machines']) {
            Export-Step -Site $site -Class $entry.Class -Action {
                Export-Class -Site $site -Entry $entry
            }
        }
    }
    Export-Step -Site $site -Class 'SMS_ClientSettingsDefault' -Action {
        Export-DefaultSetting -Site $site
    }
} finally {
    Remove-CimSession -CimSession $site.Session
}

if (-not $IncludeMachines) {
    $site.Missing.Add('SMS_R_System, SMS_FullCollectionMembership: only with -IncludeMachines')
}
Write-Output -InputObject ('site {0}, rows written to {1}:' -f $site.Code, $site.Folder)
$site.Report | ForEach-Object -Process { Write-Output -InputObject $_ }
$site.Missing | ForEach-Object -Process { Write-Output -InputObject ('missing: ' + $_) }
if ($site.Failures -gt 0) {
    exit 1
}
